# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# steps: units, how auditd and proxyd join authd, the first administrator, and the words at the end. Part of sallyport-setup.

readonly START_S=60

unit_runs() { [ "$(systemctl show -P SubState "$1")" = running ]; }

# Where a daemon keeps its identity.
state() { or_else "$(yaml_get "$etc/$1.yaml" state)" "/var/lib/sallyport/$1"; } # DAEMON

joined() { [ -s "$(state "$1")/tls.crt" ]; } # DAEMON

# By the sockets of this machine, whatever login of root's there is.
tctl() {
	"$bindir/tctl" --auth-socket="$(or_else "$(yaml_get "$etc/authd.yaml" socket)" /run/sallyport/authd/authd.sock)" \
		--audit-socket="$(or_else "$(yaml_get "$etc/auditd.yaml" socket)" /run/sallyport/auditd/auditd.sock)" "$@"
}

give_up() { # DAEMON WHAT
	journalctl --no-pager -q -o cat -n 5 -u "sallyport-$1" >&2 || true
	fail "sallyport-$1 $2: its last words are above (journalctl -u sallyport-$1). When that is mended, run this again: it goes on here"
}

# A unit that is up need not be in the cluster yet; one that cannot start is started again and again.
await() { # DAEMON CHECK
	local end=$((SECONDS + START_S))
	until "$2"; do
		[ $SECONDS -lt $end ] || give_up "$1" "runs, but does not work"
		sleep 0.2
	done
}

# `changed`: whether the configuration of one that runs is another now.
start_unit() { # DAEMON CHECK
	local unit=sallyport-$1 verb=start word=started
	if unit_runs "$unit"; then
		verb=restart word='started again, with its new configuration'
	fi
	if [ $verb = restart ] && [ -z "$changed" ]; then
		kept "$1" "$unit runs"
	else
		step "$1" "$unit is $word" || return 0
		systemctl --quiet enable "$unit" 2>/dev/null || true
		why=$(systemctl $verb "$unit" 2>&1) || {
			# Of a program that ended the journal says more.
			[[ $why != 'Job for '* ]] || why=''
			give_up "$1" "does not start${why:+ (${why%%$'\n'*})}"
		}
	fi
	[ -n "$dry" ] || await "$1" "$2"
}

authd_works() { tctl status > /dev/null 2>&1; }

auditd_works() { joined auditd && unit_runs sallyport-auditd && tctl audit ls --limit=1 > /dev/null 2>&1; }

# The certificate that the public port shows, after `openssl x509 -fingerprint`.
shown_certificate() {
	local address=127.0.0.1 said
	[[ $listen == :* || $listen == 0.0.0.0:* || $listen == '[::]:'* ]] || address=${listen%:*}
	said=$(timeout 10 openssl s_client -connect "$address:${listen##*:}" -servername "$(host_of "$public_addr")" "$@" \
		2>/dev/null < /dev/null) || return
	openssl x509 -noout -fingerprint -sha256 <<< "$said" 2>/dev/null
}

# It answers, with the certificate that it shall have. Where it listens to load balancers first, it has to be believed.
proxyd_works() {
	local want
	want=$(or_else "$(yaml_get "$etc/proxyd.yaml" tls.certificate)" "$(state proxyd)/tls.crt")
	joined proxyd && unit_runs sallyport-proxyd || return
	! grep -E '^proxy_protocol_from:' "$etc/proxyd.yaml" | grep -qvE ': *\[ *\]' || return 0
	[ "$(shown_certificate)" = "$(openssl x509 -in "$want" -noout -fingerprint -sha256 2>/dev/null)" ]
}

# NAME CONFIRMED, a line each: who has set a password is confirmed.
users() {
	local said
	said=$(tctl users ls --format=json 2>/dev/null) || return 0
	sed -nE 's/^ *"(name|confirmed)": "?([^",]*)"?,?$/\2/p' <<< "$said" | paste -d ' ' - -
}

# --- the steps --------------------------------------------------------------------------------------------------------------

act_authd() {
	configure authd cluster "$cluster"
	[ -z "$root" ] || return 0
	start_unit authd authd_works
	pin=$(tctl status 2>/dev/null | sed -n 's/^CA pin *//p') || pin=''
	pin=${pin%%$'\n'*}
}

# How a daemon joins: with a token and the pin. Who has an identity needs neither. The token of a run that stopped may be too
# old, so there is a new one each time.
join() { # DAEMON TYPE
	local token
	join_keys=()
	[ -z "$root" ] || return 0
	if joined "$1"; then
		kept "$1" "belongs to the cluster"
		return
	fi
	join_keys=(token "$etc/$1.token" ca_pin "$pin")
	if step "$1" "$etc/$1.token is written: a token to join the cluster with"; then
		token=$(tctl tokens add --type="$2" --format=text)
		printf '%s\n' "$token" > "$scratch/secret"
		put_file "$scratch/secret" "$etc/$1.token" 600 "sallyport-$1"
	fi
}

act_auditd() {
	local file=''
	if [ -n "$password" ]; then
		file=$etc/database.password
		keep_secret auditd "$file" "$password" 'the password of the database'
	elif [ "$database" = "$LOCAL_DATABASE" ] && [ -n "$(yaml_get "$root$etc/auditd.yaml" database_password)" ]; then
		file=none
	fi
	join auditd audit
	configure auditd database "$database" database_password "$file" "${join_keys[@]}"
	changed+=${new_secret:+ password}
	[ -n "$root" ] || start_unit auditd auditd_works
}

act_proxyd() {
	local tls=''
	case $web in
	self-signed) [ -z "$(yaml_get "$root$etc/proxyd.yaml" tls.certificate)" ] || tls=none ;;
	files | acme) tls=$etc/web.crt ;;
	esac
	join proxyd proxy
	configure proxyd public_addr "$public_addr" listen "$listen" ssh_listen "$ssh_listen" tls "$tls" "${join_keys[@]}"
	[ -z "$root" ] || return 0
	show_certificate
	start_unit proxyd proxyd_works
}

act_admin() {
	local have said
	[ -z "$root" ] || return 0
	have=$(users)
	# authd, which did not run when the name was asked for, may have come back from a backup.
	[ -z "$have" ] || admin=$asked_admin
	if [ -z "$admin" ] || grep -qE "^${admin//./\\.} " <<< "$have"; then
		kept admin "users: $(cut -d ' ' -f 1 <<< "$have" | paste -s -d ' ')"
	elif step admin "user $admin is made, with the roles editor, access and auditor"; then
		said=$(tctl users add "$admin" --roles=editor,access,auditor --logins="$logins" 2>&1) ||
			fail "user $admin: ${said#ERROR: }"
		link=$(grep -o 'https://[^ ]*' <<< "$said")
	fi
}

# --- the end ----------------------------------------------------------------------------------------------------------------

farewell() {
	local trust='' ssh have
	have=$(users)
	[ -n "$admin" ] || [ "$(wc -l <<< "$have")" != 1 ] || admin=${have% *}
	ssh=$(or_else "$(yaml_get "$etc/proxyd.yaml" ssh_listen)" :3023)
	shown_certificate -verify_return_error -verify_hostname "$(host_of "$public_addr")" > /dev/null || trust=" --ca-pin=$pin"
	printf '\nThe cluster %s works. People and nodes reach it as %s: let them reach port %s of this machine.\n' \
		"$cluster" "$public_addr" "${listen##*:}"
	[ "$ssh" = off ] || printf "Stock ssh without the configuration of 'tsh config' uses port %s.\n" "${ssh##*:}"
	if [ -n "$link" ]; then
		printf '\nThe link of %s, for an hour and once:\n  %s\n' "$admin" "$link"
	elif grep -qxF -- "$admin false" <<< "$have"; then
		printf '\nA new link, should that of %s be lost:\n  tctl users reset %s\n' "$admin" "$admin"
	fi
	printf '\nThen, on a workstation:\n  tsh login --proxy=%s --user=%s%s\n' "$public_addr" "${admin:-USER}" "$trust"
	printf '\nFor each server, here; it prints the line for the server:\n  tctl tokens add --type=node\n'
}
