# SPDX-License-Identifier: Apache-2.0
# Completion of sallyport-setup for bash.
_sallyport_setup() {
	local word=${COMP_WORDS[COMP_CWORD]} option=''
	COMPREPLY=()
	# bash takes --option=value as three words.
	if [ "$word" = = ]; then
		option=${COMP_WORDS[COMP_CWORD - 1]} word=''
	elif [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $option in
	--web-cert | --web-key | --database-password-file | --database-admin-password-file) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	--root) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	--database) mapfile -t COMPREPLY < <(compgen -W 'local postgresql://' -- "$word") ;;
	'')
		if [ "${COMP_WORDS[1]}" = certificate ] && [ "$COMP_CWORD" -gt 1 ]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return
		fi
		mapfile -t COMPREPLY < <(compgen -W '--cluster-name= --public-addr= --listen= --ssh-listen= --no-resolve --database=
			--database-password-file= --database-admin= --database-admin-password-file= --self-signed --web-cert= --web-key=
			--acme-email= --acme-server= --admin= --logins= --yes --dry-run --root= --help --version certificate' -- "$word")
		[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
		;;
	esac
}
complete -F _sallyport_setup sallyport-setup
