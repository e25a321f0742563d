# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# database: PostgreSQL for auditd: whether it is there, and its role, database and tables. Part of sallyport-setup.
#
# Local: as the user postgres, auditd by peer authentication. Elsewhere: with what --database-admin may; without it everything
# has to be there, or auditd makes its tables by itself.
#
# Security: a password goes to psql in its environment, and into auditd's file; out of a URL it is taken at once.

readonly LOCAL_DATABASE="host=/run/postgresql dbname=sallyport user=sallyport-auditd" MIN_POSTGRES=130000
readonly PSQL=(psql -wXAtq -v ON_ERROR_STOP=1 -v VERBOSITY=terse)

# What % stands for in a URL.
unescape() {
	local v=${1//\\/\\\\}
	if [[ $v =~ %($|.$|[^0-9A-Fa-f]|.[^0-9A-Fa-f]) ]]; then
		printf %s "$1"
	else
		printf %b "${v//%/\\x}"
	fi
}

# A URL and the password in it, in `url` and `url_password`.
part_url() {
	url=$1 url_password=''
	[[ $1 != *password=* ]] || because "a password is given in a file (--database-password-file), not as password=" || return
	if [[ $1 =~ ^(postgres(ql)?://[^:@/?]*):([^@/]*)@(.*)$ ]]; then
		url=${BASH_REMATCH[1]}@${BASH_REMATCH[4]}
		url_password=$(unescape "${BASH_REMATCH[3]}")
	fi
}

database_part() { # user|dbname: what `database` says
	local address='^postgres(ql)?://([^:@/?]*)@[^/?]*/([^?]+)' word="(^| )$1=([^ ]+)"
	if [[ $database =~ $address ]]; then
		[ "$1" = dbname ] || { unescape "${BASH_REMATCH[2]}"; return; }
		unescape "${BASH_REMATCH[3]}"
	elif [[ $database =~ $word ]]; then
		printf %s "${BASH_REMATCH[2]}"
	fi
}

# SQL from standard input, as auditd will come: as its user, with its home.
as_auditd() {
	(cd / && HOME=$(state auditd) PGPASSWORD=$password PGCONNECT_TIMEOUT=10 runuser -u sallyport-auditd -- "${PSQL[@]}" -d "$database")
}

# The same as who may make roles; -v NAME=VALUE is :'NAME' there.
as_admin() {
	if [ "$database" = "$LOCAL_DATABASE" ]; then
		(cd / && runuser -u postgres -- "${PSQL[@]}" "$@" -d postgres)
	else
		PGPASSWORD=$admin_password NEW_PASSWORD=$password PGCONNECT_TIMEOUT=10 "${PSQL[@]}" "$@" -d "$admin_url"
	fi
}

may_administrate() { [ "$database" = "$LOCAL_DATABASE" ] || [ -n "$admin_url" ]; }

# The first thing that psql complained of.
cause() { sed -nE '/[^ ]/{ s/^psql:(<stdin>:[0-9]+:)? *//; s/^(error|ERROR|FATAL): *//; p; q; }' <<< "$1"; }

check_version() {
	[[ $1 =~ ^[0-9]+$ && $1 -ge $MIN_POSTGRES ]] || because "PostgreSQL there is of version ${1%????}: 13 or later is needed"
}

check_local() {
	local out
	getent passwd postgres > /dev/null ||
		because "PostgreSQL is not on this machine: apt-get install postgresql, or say where it is (--database=URL)" || return
	out=$(as_admin 2>&1 <<< 'SHOW server_version_num') ||
		because "PostgreSQL on this machine does not answer: $(cause "$out") (systemctl start postgresql?)" || return
	check_version "$out"
}

check_remote() {
	local out
	if [ -n "$admin_url" ]; then
		[ -n "$(database_part user)" ] && [ -n "$(database_part dbname)" ] ||
			because "--database must say which user and database to make: postgresql://USER@HOST/NAME" || return
		out=$(as_admin 2>&1 <<< 'SHOW server_version_num') || because "--database-admin: $(cause "$out")" || return
		check_version "$out"
		return
	fi
	out=$(as_auditd 2>&1 <<< 'SHOW server_version_num') || {
		ask_password "$out" && out=$(as_auditd 2>&1 <<< 'SHOW server_version_num')
	} || because "PostgreSQL: $(cause "$out")" || return
	check_version "$out" && check_tables
}

# The password, when that is all that was missing.
ask_password() { # WHAT psql SAID
	[[ -z $yes && $1 == *'no password supplied'* ]] || return
	printf 'Password of that user: '
	read -rs password || return
	echo
}

# Without an administrator: are the tables there, or may auditd make them?
check_tables() {
	[ "$(as_auditd <<< "SELECT to_regclass('audit_schema') IS NOT NULL
		OR has_schema_privilege(current_schema(), 'CREATE')")" = t ] ||
		because "the tables are not there, and auditd's role may not make them. Give --database-admin=URL, or let an" \
			"administrator run what this prints: $libexec/auditd schema --role=$(as_auditd <<< 'SELECT current_user')"
}

# Sets `database`, and `password` when it was in it.
check_database() {
	if [ "$1" = local ] || [ "$1" = "$LOCAL_DATABASE" ]; then
		database=$LOCAL_DATABASE password=''
		[ -n "$root" ] || check_local
		return
	fi
	[[ $1 =~ ^postgres(ql)?:// || $1 =~ (^|\ )host= ]] ||
		because "'$1' is neither local nor where PostgreSQL is: postgresql://USER@HOST/NAME" || return
	# As somebody wrote it into the configuration it is right, also with a password.
	if [ "$1" != "$(yaml_get "$root$etc/auditd.yaml" database)" ]; then
		part_url "$1" || return
		database=$url
		[ -z "$url_password" ] || password=$url_password password_found=''
	fi
	[ -n "$root" ] || check_remote
}

gather_database() {
	if [[ $database =~ ://[^@/]*:[^@/]+@ || $admin_url =~ ://[^@/]*:[^@/]+@ ]]; then
		warn "a password on a command line is seen by everybody on this machine: better --database-password-file"
	fi
	[ -z "$password_file" ] || secret_from password "$password_file"
	if [ -n "$admin_url" ]; then
		part_url "$admin_url" || fail "--database-admin: $why"
		admin_url=$url admin_password=$url_password
		[ -z "$admin_password_file" ] || secret_from admin_password "$admin_password_file"
	fi
	database=$(or_else "$database" "$(yaml_get "$root$etc/auditd.yaml" database)")
	if [ -z "$password" ] && [ -s "$root$etc/database.password" ]; then
		password=$(< "$root$etc/database.password") password_found=yes
	fi
	settle database check_database 'PostgreSQL: local, or postgresql://USER@HOST/NAME' --database local
	[ "$database" = "$LOCAL_DATABASE" ] || [[ $database =~ (@|host=)(localhost|127\.|\[::1\]|/|%2F) ]] ||
		[[ $database == *sslmode=verify-full* ]] ||
		warn "without sslmode=verify-full whoever stands in between can pose as that PostgreSQL (man sallyport-setup)"
}

# --- the step ---------------------------------------------------------------------------------------------------------------

in_database() { printf '\\connect -reuse-previous=on "%s"\n' "$1"; }

schema_version() { # DATABASE; nothing when there are no tables
	{ in_database "$1"; echo 'SELECT max(version) FROM audit_schema'; } | as_admin 2>/dev/null || true
}

# A password is in auditd's file before it is anywhere else: a run that stops in between loses nothing. One that lies there
# already is of another role, or of a run that did not come to this.
make_role() { # ROLE
	if [ "$database" = "$LOCAL_DATABASE" ]; then
		as_admin -v "role=$1" <<< 'CREATE ROLE :"role" LOGIN'
		return
	fi
	if [ -z "$password" ] || [ -n "$password_found" ]; then
		password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
		keep_secret auditd "$etc/database.password" "$password" "a new password of $1"
	fi
	as_admin -v "role=$1" <<- 'END'
		\getenv secret NEW_PASSWORD
		CREATE ROLE :"role" LOGIN PASSWORD :'secret'
	END
}

# They can be made again at any time, and are, since an upgrade may have brought others.
make_tables() { # DATABASE ROLE
	local before after keep out
	before=$(schema_version "$1")
	[ -n "$before" ] || step database "tables are made" || return 0
	if [ -z "$dry" ]; then
		keep=$(or_else "$(yaml_get "$etc/auditd.yaml" retention)" forever)
		out=$({ in_database "$1"; "$libexec/auditd" schema --role="$2" --retention="$keep"; } | as_admin 2>&1) ||
			fail "the tables cannot be made: $(cause "$out")"
	fi
	after=$(schema_version "$1")
	[ -z "$before" ] || if [ "$before" = "$after" ]; then
		kept database "tables: of version $before"
	else
		step database "tables are of version $after now"
	fi
}

act_database() {
	local user name
	[ -z "$root" ] || return 0
	if ! may_administrate; then
		kept database "PostgreSQL: there"
		return
	fi
	user=$(database_part user) name=$(database_part dbname)
	if [ -n "$(as_admin -v "role=$user" <<< "SELECT 1 FROM pg_roles WHERE rolname = :'role'")" ]; then
		kept database "role $user: there"
	elif step database "role $user is made"; then
		make_role "$user"
	fi
	if [ -n "$(as_admin -v "name=$name" <<< "SELECT 1 FROM pg_database WHERE datname = :'name'")" ]; then
		kept database "database $name: there"
	elif step database "database $name is made"; then
		as_admin -v "name=$name" <<< "CREATE DATABASE :\"name\" ENCODING 'UTF8' TEMPLATE template0"
	fi
	make_tables "$name" "$user"
	[ -n "$dry" ] || why=$(as_auditd 2>&1 <<< 'SELECT 1') || fail "PostgreSQL does not let auditd in: $(cause "$why")"
}
