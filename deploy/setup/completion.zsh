#compdef sallyport-setup
# SPDX-License-Identifier: Apache-2.0
_arguments \
	'--cluster-name=[name of the cluster, for ever]:name:' \
	'--public-addr=[how people and nodes reach this machine]:HOST\:PORT:_hosts' \
	'--listen=[the public port here]:address:' \
	'--ssh-listen=[the port for stock ssh]:address:(off \:3023)' \
	'--no-resolve[the public name need not have an address yet]' \
	'--database=[PostgreSQL]:where:(local postgresql\://)' \
	'--database-password-file=[password of its user]:file:_files' \
	'--database-admin=[administrator of that PostgreSQL]:URL:' \
	'--database-admin-password-file=[password of the administrator]:file:_files' \
	"--self-signed[web certificate of the cluster's own authority]" \
	'--web-cert=[web certificate with its chain]:file:_files' \
	'--web-key=[its key]:file:_files' \
	'--acme-email=[web certificate by certbot]:mail address:' \
	'--acme-server=[another authority than the default of certbot]:URL:' \
	'--admin=[first administrator]:name:' \
	'--logins=[Unix users he may log in as]:logins:_users' \
	'(-y --yes)'{-y,--yes}'[ask nothing]' \
	'(-n --dry-run)'{-n,--dry-run}'[say what would be done]' \
	'--root=[write configurations below a folder only]:folder:_directories' \
	'(-h --help)'{-h,--help}'[help]' \
	'--version[the version]' \
	'1::command:(certificate)' \
	'*:file:_files'
