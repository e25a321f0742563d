# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# answers: what is asked, and whether an answer is right, which each check_ says at once, with the cause in `why`. Part of
# sallyport-setup.

readonly PUBLIC_PORT=3080

ask() { # VARIABLE QUESTION [DEFAULT]
	local answer
	printf '%s%s: ' "$2" "${3:+ [$3]}"
	read -r answer || {
		echo
		fail "no answer: give options, and --yes (sallyport-setup --help)"
	}
	printf -v "$1" %s "${answer:-${3:-}}"
}

# An answer that is given is right, or the end. One that is asked for is asked for until it is right.
settle() { # VARIABLE CHECK QUESTION OPTION [DEFAULT]
	local given=${!1}
	[ -z "$yes" ] || given=${given:-${5:-}}
	if [ -n "$given" ]; then
		printf -v "$1" %s "$given"
		"$2" "$given" || fail "$why"
		return
	fi
	[ -z "$yes" ] || fail "$4 is needed (sallyport-setup --help)"
	while ask "$1" "$3" "${5:-}" && ! "$2" "${!1}"; do
		line 'ERROR: ' "$why" >&2
	done
}

# The host of HOST, HOST:PORT, [IPV6], [IPV6]:PORT.
host_of() {
	if [[ $1 =~ ^\[(.*)\](:[0-9]*)?$ ]]; then
		printf %s "${BASH_REMATCH[1]}"
	else
		printf %s "${1%%:*}"
	fi
}

check_cluster() {
	local has
	if ! [[ $1 =~ ^[A-Za-z0-9._@][A-Za-z0-9._@-]{0,254}$ && $1 =~ [^.] ]]; then
		because "'$1' cannot be the cluster's name: letters, digits and . _ @ - (usually a name like tele.example.com)" || return
	fi
	has=$(yaml_get "$root$etc/authd.yaml" cluster)
	[ -z "$has" ] || [ "$has" = "$1" ] ||
		because "this machine has the cluster '$has' ($etc/authd.yaml), and a cluster keeps its name for ever"
}

# Sets `public_addr`, with its port.
check_public() {
	local host port
	[[ $1 =~ ^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._][A-Za-z0-9._-]*)(:([0-9]{1,5}))?$ ]] ||
		because "'$1' is not HOST:PORT, as tele.example.com:3080" || return
	host=${BASH_REMATCH[1]} port=${BASH_REMATCH[3]:-$PUBLIC_PORT}
	((10#$port > 0 && 10#$port < 65536)) || because "'$1': there is no port $port" || return
	public_addr=$host:$port
	[ -n "$root" ] || [ -z "$resolve" ] || getent ahosts "$(host_of "$public_addr")" > /dev/null ||
		because "$host has no address: make its DNS record first, or go on with --no-resolve"
}

check_user() {
	[[ $1 =~ ^[A-Za-z0-9._@][A-Za-z0-9._@-]{0,254}$ ]] || because "'$1' cannot be a user's name: letters, digits and . _ @ -"
}

check_readable() {
	if ! [ -f "$1" ] || ! [ -s "$1" ] || ! [ -r "$1" ]; then
		because "$1: there is no such file, or nothing in it"
	fi
}

secret_from() { # VARIABLE FILE
	check_readable "$2" || fail "$why"
	printf -v "$1" %s "$(head -n 1 -- "$2")"
}

# Who listens on a port of this machine, "?" when that cannot be told, nothing when nobody does. Of one address only who has
# that or all of them; an address of IPv6 is left to the daemon.
listener() { # [HOST]:PORT
	local address=${1%:*} inode fd
	if [[ $address =~ ^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})$ && $address != 0.0.0.0 ]]; then
		# As the kernel prints it, the lowest byte first.
		address=$(printf '^(0+|%02X%02X%02X%02X)$' "${BASH_REMATCH[4]}" "${BASH_REMATCH[3]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}")
	elif [[ -z $address || $address = 0.0.0.0 || $address = '[::]' ]]; then
		address=.
	else
		address='^0+$'
	fi
	inode=$(awk -v address="$address" -v port="$(printf %04X "$((10#${1##*:}))")" '
		split($2, at, ":") == 2 && at[2] == port && at[1] ~ address && $4 == "0A" { print $10; exit }' \
		/proc/net/tcp /proc/net/tcp6 2>/dev/null) || true
	[ -n "$inode" ] || return 0
	for fd in /proc/[0-9]*/fd/*; do
		if [ "$(readlink "$fd" 2>/dev/null)" = "socket:[$inode]" ]; then
			cat "${fd%/fd/*}/comm"
			return
		fi
	done
	echo '?'
}

# Whether a port is free for DAEMON, which may have it already.
check_port() { # DAEMON [HOST]:PORT OPTION
	local port=${2##*:} who
	[ "$2" != off ] || return 0
	[[ $2 =~ ^(\[[^]]*\]|[^:]*):[0-9]{1,5}$ ]] && ((10#$port > 0 && 10#$port < 65536)) || because "$3: '$2' is not [HOST]:PORT" || return
	who=$(listener "$2")
	[ -z "$who" ] || { [ "$who" = "$1" ] && unit_runs "sallyport-$1"; } ||
		because "port $port is taken, by '$who': stop that, or use another port ($3)"
}

# What a daemon's configuration has for a key, or its sample, which has most defaults.
conf_or_sample() { # DAEMON KEY
	local file=$etc/$1.yaml
	[ -e "$file" ] || file=$file.sample
	yaml_get "$file" "$2"
}

check_ports() {
	local daemon diag
	check_port authd "$(or_else "$(conf_or_sample authd listen)" :3025)" "listen in $etc/authd.yaml" || fail "$why"
	check_port auditd "$(or_else "$(conf_or_sample auditd listen)" :3026)" "listen in $etc/auditd.yaml" || fail "$why"
	check_port proxyd "$listen" --listen || fail "$why"
	check_port proxyd "$(or_else "$ssh_listen" "$(conf_or_sample proxyd ssh_listen)" :3023)" --ssh-listen || fail "$why"
	for daemon in authd auditd proxyd; do
		diag=$(conf_or_sample $daemon diag_addr)
		[ -z "$diag" ] || check_port $daemon "$diag" "diag_addr in $etc/$daemon.yaml" || fail "$why"
	done
}

# All questions, before anything is done. What an earlier run has written is not asked again.
gather() {
	local name was has
	cluster=$(or_else "$cluster" "$(yaml_get "$root$etc/authd.yaml" cluster)")
	name=$(host_of "$public_addr")
	[ -n "$name$yes" ] || name=$(hostname -f 2>/dev/null) || name=''
	settle cluster check_cluster 'Name of the cluster, for ever' --cluster-name "$name"
	was=$(yaml_get "$root$etc/proxyd.yaml" public_addr)
	public_addr=$(or_else "$public_addr" "$was")
	settle public_addr check_public 'How people and nodes reach this machine' --public-addr "$cluster:$PUBLIC_PORT"
	# Without a word about it the public port is the same here and outside, also when it changes, unless it was another.
	has=$(yaml_get "$root$etc/proxyd.yaml" listen)
	[ "$has" != ":${was##*:}" ] || has=''
	listen=$(or_else "$listen" "$has" ":${public_addr##*:}")
	[ -n "$root" ] || check_ports
	gather_database
	gather_web
	[ -n "$root" ] || gather_admin
}

gather_admin() {
	asked_admin=$admin
	if [ -n "$admin" ]; then
		check_user "$admin" || fail "--admin: $why"
	elif [ -z "$(users)" ]; then
		settle admin check_user 'Name of the first administrator' --admin admin
	fi
	[[ $logins =~ ^[a-z_][a-z0-9_.,-]*$ ]] || fail "--logins: '$logins' are no names of Unix users"
}
