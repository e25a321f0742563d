# SPDX-License-Identifier: Apache-2.0
# Completion of sallyport-setup for fish.
complete -c sallyport-setup -f
complete -c sallyport-setup -n __fish_use_subcommand -a certificate -d 'another web certificate, while everything runs'
complete -c sallyport-setup -n '__fish_seen_subcommand_from certificate' -F
complete -c sallyport-setup -l cluster-name -x -d 'name of the cluster, for ever'
complete -c sallyport-setup -l public-addr -x -d 'how people and nodes reach this machine'
complete -c sallyport-setup -l listen -x -d 'the public port here'
complete -c sallyport-setup -l ssh-listen -x -a 'off :3023' -d 'the port for stock ssh'
complete -c sallyport-setup -l no-resolve -d 'the public name need not have an address yet'
complete -c sallyport-setup -l database -x -a 'local postgresql://' -d PostgreSQL
complete -c sallyport-setup -l database-password-file -r -F -d 'password of its user'
complete -c sallyport-setup -l database-admin -x -d 'administrator of that PostgreSQL'
complete -c sallyport-setup -l database-admin-password-file -r -F -d 'password of the administrator'
complete -c sallyport-setup -l self-signed -d "web certificate of the cluster's own authority"
complete -c sallyport-setup -l web-cert -r -F -d 'web certificate with its chain'
complete -c sallyport-setup -l web-key -r -F -d 'its key'
complete -c sallyport-setup -l acme-email -x -d 'web certificate by certbot'
complete -c sallyport-setup -l acme-server -x -d "another authority than certbot's default"
complete -c sallyport-setup -l admin -x -d 'first administrator'
complete -c sallyport-setup -l logins -x -a '(__fish_complete_users)' -d 'Unix users he may log in as'
complete -c sallyport-setup -s y -l yes -d 'ask nothing'
complete -c sallyport-setup -s n -l dry-run -d 'say what would be done'
complete -c sallyport-setup -l root -r -a '(__fish_complete_directories)' -d 'write configurations below a folder only'
complete -c sallyport-setup -s h -l help -d help
complete -c sallyport-setup -l version -d 'the version'
