#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs noded, which makes this host a node of the cluster, or the clients tsh and tctl: with the packages of the proxy that
# gave you this script, and what they need of Debian's from where apt has it. Run again it changes nothing; it upgrades when the
# proxy has newer packages.
#
#   curl -fsS https://{{&proxy}}/scripts/install.sh | sudo bash
#   curl -fsS https://{{&proxy}}/scripts/install.sh | sudo bash -s -- --token-file=FILE --labels=env=prod
#
# --clients             the clients instead of noded
# --token-file=FILE     also configure and start noded, which joins with the token in the file (tctl tokens add)
# --labels=K=V,...      labels of the node
# --name=NAME           name of the node (default: its host name)
# --ca-pin=sha256:HEX   go on only when this is the pin of the cluster's authority (tctl status)
# --cacert=FILE         authorities that vouch for the proxy's web certificate, when this system's do not
# --download-only=DIR   fetch the package into DIR and check it; needs no root
#
# How it is trusted: you got this script over TLS that your curl has checked. It has the sum of each index, the index those of
# the packages. Only the last line runs anything: a download that was cut does nothing.

# Filled in by the proxy.
proxy='{{&proxy}}'
version='{{&version}}'
pins='{{&pins}}'
certificate='{{&certificate}}' # cluster: issued by the authorities below; own: by somebody else
indexes='{{&indexes}}'
authorities='{{&authorities}}'

package=sallyport-noded
configured='' token_file='' labels='' name='' ca_pin='' cacert='' only=''
configuration=/etc/sallyport/noded.yaml
# Free space to begin with, in KiB: more than noded takes with all that it needs of Debian's, packed and unpacked.
space=81920

# One line, whatever the words of others in it are.
fail() {
	printf 'install.sh: %s' "$*" | tr -s '\000-\037\177' ' ' >&2
	echo >&2
	exit 1
}

# Before the first change of the system.
refuse() {
	fail "$*; nothing was changed"
}

say() {
	echo "install.sh: $*"
}

usage() {
	cat <<-END
		Usage: curl -fsS https://$proxy/scripts/install.sh | sudo bash [-s -- OPTION...]

		  --clients             install tsh and tctl instead of noded
		  --token-file=FILE     also configure and start noded, which joins with the token in the file
		  --labels=K=V,...      labels of the node
		  --name=NAME           name of the node (default: its host name)
		  --ca-pin=sha256:HEX   go on only when this is the pin of the cluster's authority
		  --cacert=FILE         authorities that vouch for the proxy's web certificate
		  --download-only=DIR   fetch the package into DIR, check it, and stop
		  --version             the version of the proxy
	END
}

read_options() {
	local option value given
	while [ $# -gt 0 ]; do
		option=$1 given=''
		shift
		case $option in
		--token-file | --labels | --name | --ca-pin | --cacert | --download-only)
			[ $# -gt 0 ] || fail "$option needs a value"
			value=$1 given=yes
			shift
			;;
		*=*) value=${option#*=} option=${option%%=*} given=yes ;;
		*) value='' ;;
		esac
		# What is empty is a variable that was not set: to go on would be to leave out a check that was asked for.
		[ -z "$given" ] || [ -n "$value" ] || fail "$option has an empty value"
		case $option in
		--clients | --version | -h | --help) [ -z "$given" ] || fail "$option takes no value" ;;
		esac
		case $option in
		--clients) package=sallyport-clients ;;
		--token-file) token_file=$value ;;
		--labels) labels=$value ;;
		--name) name=$value ;;
		--ca-pin) ca_pin=$value ;;
		--cacert) cacert=$value ;;
		--download-only) only=$value ;;
		--version) echo "$version"; exit 0 ;;
		-h | --help) usage; exit 0 ;;
		*) fail "unknown option $option; --help shows those that there are" ;;
		esac
	done
}

# All that can be wrong without having touched anything.
check_options() {
	if [ -n "$ca_pin" ]; then
		case " $pins " in
		*" $ca_pin "*) ;;
		*) fail "the CA pin is not that of this proxy's cluster, which has $pins: is $proxy the right proxy?" ;;
		esac
	fi
	if [ -n "$cacert" ]; then
		[ -r "$cacert" ] || fail "cannot read $cacert"
	fi
	if [ -z "$only" ] && [ "$(id -u)" != 0 ]; then
		fail "needs root: sudo bash, or --download-only=DIR to fetch the package alone"
	fi
	if [ -z "$token_file" ]; then
		[ -z "$labels$name" ] || fail "--labels and --name need --token-file=FILE"
		return 0
	fi
	[ $package = sallyport-noded ] || fail "--token-file is for nodes: it does not go with --clients"
	[ -z "$only" ] || fail "--token-file does not go with --download-only"
	if [ -e $configuration ]; then
		check_configuration
	else
		[ -s "$token_file" ] || fail "there is no token in $token_file: tctl tokens add --type=node makes one"
	fi
}

# The node that is configured here: of the cluster of this proxy?
check_configuration() {
	configured=$(sed -n "s/^ca_pin:[[:space:]\"']*\(sha256:[0-9A-Fa-f]*\).*/\1/p" $configuration | tail -n 1 | tr A-F a-f)
	if [ -z "$configured" ]; then return 0; fi
	case " $pins " in
	*" $configured "*) ;;
	*) refuse "$configuration is that of a node of another cluster, whose pin is $configured; this proxy's is $pins" ;;
	esac
}

# RELEASE-ARCHITECTURE as the indexes are called; the system's own word for people in $system_name.
find_system() {
	local id='' codename=''
	system=unknown
	system_name='this system'
	if [ -r /etc/os-release ]; then
		# shellcheck disable=SC1091
		{
			id=$(. /etc/os-release && echo "${ID:-}")
			codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
			system_name=$(. /etc/os-release && echo "${PRETTY_NAME:-this system}")
		}
	fi
	if [ "$id" = debian ] && command -v dpkg >/dev/null && command -v apt-get >/dev/null; then
		system=$codename-$(dpkg --print-architecture)
		system_name="$system_name (${system#*-})"
	fi
	for index_sum in $indexes; do
		if [ "${index_sum%%:*}" = "$system" ]; then
			index_sum=${index_sum#*:}
			return 0
		fi
	done
	[ -n "$indexes" ] || refuse "this proxy has no packages: sallyport-packages is to be installed on its host"
	# shellcheck disable=SC2086 # words
	refuse "there is no package for $system_name; this proxy has them for$(printf ' %s' $indexes | sed 's/:[0-9a-f]*//g')"
}

# curl believes the cluster's authorities alone when they have issued the proxy's certificate.
set_trust() {
	trust=()
	if [ -n "$cacert" ]; then
		trust=(--cacert "$cacert")
	elif [ "$certificate" = cluster ]; then
		printf '%s\n' "$authorities" > "$work/ca.pem"
		trust=(--cacert "$work/ca.pem")
	fi
}

curl_said() {
	tail -n 1 "$work/curl" | sed 's/^curl: ([0-9]*) //'
}

# fetch FILE BYTES: of the proxy's packages into the work folder. No other server is asked, redirects are not followed.
fetch() {
	local status url=https://$proxy/packages/$1 pause
	# A proxy that has too much to do at once ends connections in their handshake (35), which curl does not try again.
	for pause in 1 2 4 8 0; do
		status=0
		curl -q -fsS --proto =https --tlsv1.2 "${trust[@]}" --connect-timeout 30 --max-time 1800 --retry 3 \
			--max-filesize "$2" -o "$work/$1" "$url" </dev/null 2> "$work/curl" || status=$?
		if [ $status != 35 ] || [ $pause = 0 ]; then break; fi
		sleep $pause
	done
	case $status in
	0) ;;
	18 | 56) refuse "the download of $url was cut" ;;
	22) refuse "the proxy does not give $url ($(curl_said))" ;;
	23) refuse "cannot write $work/$1, the disk may be full" ;;
	60) refuse "the web certificate of $proxy is not to be trusted ($(curl_said))" ;;
	*) refuse "cannot fetch $url ($(curl_said))" ;;
	esac
}

# check FILE SUM
check() {
	local sum
	sum=$(sha256sum < "$work/$1")
	[ "${sum%% *}" = "$2" ] || refuse "$1 is not what it should be (its SHA-256 is ${sum%% *}, not $2)"
}

# What the proxy has: $available (a version), $file, $bytes, $sum.
read_index() {
	local found v b s f
	available='' file='' bytes=0
	fetch "$system.index" 65536
	check "$system.index" "$index_sum"
	while read -r found v b s f; do
		if [ "$found" = $package ]; then
			available=$v bytes=$b sum=$s file=$f
		fi
	done < "$work/$system.index"
	case $file$bytes in
	*/* | .* | -* | *[!0-9A-Za-z.+~_-]*) refuse "the index of the proxy names a file that it should not: $file" ;;
	esac
	[ -n "$available" ] || refuse "this proxy has no package $package for $system_name"
}

# need_space KIB FOLDER...
need_space() {
	local folder free kib=$1
	shift
	for folder in "$@"; do
		free=$(df -k --output=avail "$folder" | tail -n 1)
		[ "$free" -ge "$kib" ] || refuse "only $((free / 1024)) MB are free in $folder, $((kib / 1024)) are needed"
	done
}

# Of dpkg: the version that is installed, or nothing.
installed_version() {
	{ dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null || true; } | sed -n 's/^installed //p'
}

apt_get() {
	# Configuration that was changed here stays, without a question.
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef \
		-o Dpkg::Options::=--force-confold "$@" </dev/null > "$work/apt" 2>&1
}

# What apt and dpkg said that went wrong, in one line.
apt_said() {
	sed -n '/^dpkg: error/{n; s/^ *//p; d}; /Sub-process/d; s/^E: //p; s/^Error: //p
		s/^ *\([^ ]* : Depends: .*\)/\1/p' "$work/apt" | paste -sd ' ' | cut -c -300
}

# The packages that are needed beside it must be there before anything begins. What apt knows may be old: of packages that
# their servers no longer have.
prepare() {
	apt_get --download-only install "$work/$file" && return 0
	apt_get update || refuse "apt-get update: $(apt_said)"
	apt_get --download-only install "$work/$file" || refuse "cannot install $package: $(apt_said)"
}

# Of dpkg: how far it is with the package; nothing when it does not know it.
status_of() {
	{ dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true; } | sed 's/^not-installed$//'
}

# A package that was not there goes again, with everything of it; of one that was removed what it had left stays. In any other
# state it is somebody's node, with its configuration, identity and recordings: that stays as dpkg has it.
install_package() {
	local before undo why
	before=$(status_of $package)
	prepare
	apt_get install "$work/$file" && return 0
	why=$(apt_said)
	case $before in
	'') undo=--purge ;;
	config-files) undo=--remove ;;
	*) fail "cannot upgrade $package: $why; apt-get -f install goes on with it" ;;
	esac
	dpkg $undo $package >/dev/null 2>&1 </dev/null ||
		fail "cannot install $package: $why; nor can it be taken away again: dpkg $undo $package says why"
	fail "cannot install $package: $why; it was taken away again"
}

install_or_not() {
	local before
	before=$(installed_version $package)
	if [ "$before" = "$available" ]; then
		say "$package $available is installed already"
		return 0
	fi
	if [ -n "$before" ] && dpkg --compare-versions "$before" gt "$available"; then
		say "$package $before is installed, newer than the $available of this proxy, and stays"
		return 0
	fi
	need_space $space /usr /var
	need_space $((bytes / 1024 + 1024)) "$work"
	fetch "$file" "$bytes"
	check "$file" "$sum"
	install_package
	say "installed $package $available"
}

# systemd's word for it, until it has joined, has ended once, or half a minute is over.
wait_for_node() {
	local tries=60 before of_which=''
	# Without a pin nothing here can tell which.
	[ -n "$configured" ] || of_which=' of its configuration'
	before=$(systemctl show -P NRestarts sallyport-noded)
	while [ $((tries -= 1)) -gt 0 ]; do
		if systemctl --quiet is-active sallyport-noded; then
			say "the node runs and has joined the cluster$of_which: tsh ls shows it"
			return 0
		fi
		if [ "$(systemctl show -P NRestarts sallyport-noded)" != "$before" ]; then break; fi
		sleep 0.5
	done
	fail "the node has not joined yet, and goes on trying; journalctl -u sallyport-noded says:" \
		"$(journalctl -qn 1 -o cat -p warning -t noded 2>/dev/null || true)"
}

configure_and_start() {
	local options=("--output=file://$configuration" --token="$token_file" --proxy="$proxy")
	options+=(--ca-pin="${ca_pin:-${pins%% *}}")
	[ -z "$labels" ] || options+=(--labels="$labels")
	[ -z "$name" ] || options+=(--name="$name")
	if [ -e $configuration ]; then
		say "$configuration is there already and stays as it is"
	else
		noded configure "${options[@]}" </dev/null > "$work/noded" 2>&1 ||
			fail "noded is installed, and cannot be configured: $(sed -n 's/^ERROR: //p' "$work/noded" | head -n 1)"
		configured=${ca_pin:-${pins%% *}}
	fi
	if [ ! -d /run/systemd/system ]; then
		say "there is no systemd here: start /usr/lib/sallyport/noded yourself"
		return 0
	fi
	{
		systemctl --quiet enable sallyport-noded && systemctl start --no-block sallyport-noded
	} </dev/null 2> "$work/systemctl" || fail "cannot start the node: $(tail -n 1 "$work/systemctl")"
	wait_for_node
}

main() {
	set -euo pipefail
	export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
	umask 022
	read_options "$@"
	check_options
	command -v curl >/dev/null || fail "needs curl: apt-get install curl"
	find_system
	work=$(mktemp -d) || fail "cannot make a folder for the download"
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	chmod 755 "$work" # apt reads the package as a user without rights
	set_trust
	read_index
	if [ -n "$only" ]; then
		fetch "$file" "$bytes"
		check "$file" "$sum"
		{ mkdir -p "$only" && cp "$work/$file" "$only/"; } 2>/dev/null || fail "cannot write into $only"
		say "fetched $only/$file"
		return 0
	fi
	install_or_not
	if [ -n "$token_file" ]; then
		configure_and_start
	elif [ $package = sallyport-noded ] && [ ! -e $configuration ]; then
		say "next: noded configure --token=FILE --proxy=$proxy --ca-pin=${pins%% *}," \
			"then systemctl enable --now sallyport-noded"
	fi
}

# In braces: half of this line is no command.
{ main "$@"; exit; }
