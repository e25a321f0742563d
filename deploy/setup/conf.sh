# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# conf: DAEMON.yaml, made of its sample and changed a key at a time, so that what people wrote around the keys stays. Part of
# sallyport-setup.
#
# No YAML in general: a line for a key, in column 0, and the one section `tls`, as the samples have it. What is written
# otherwise is not found; then nothing is written, because a new value must be read back and the daemon itself must take the file.

# The value of KEY, or of KEY in a section as tls.key; nothing when it is not there.
yaml_get() { # FILE KEY
	[ -e "$1" ] || return 0
	awk -v key="$2" '
	BEGIN { n = split(key, part, "."); name = part[n]; inside = n == 1 }
	n > 1 && /^[^ #]/ { inside = index($0, part[1] ":") == 1 }
	inside && match($0, (n > 1 ? "^ +" : "^") name ":( |$)") {
		v = substr($0, RSTART + RLENGTH)
		sub(/^ +/, "", v)
		if (v ~ /^"/) {
			sub(/^"/, "", v); sub(/"[ \t]*(#.*)?$/, "", v)
			gsub(/\\"/, "\"", v); gsub(/\\\\/, "\\", v)
		} else if (v ~ /^\047/) {
			sub(/^\047/, "", v); sub(/\047[ \t]*(#.*)?$/, "", v)
		} else {
			sub(/^#.*$/, "", v); sub(/[ \t]+(#.*)?$/, "", v)
		}
		print v
		exit
	}' "$1"
}

yaml_quoted() { # VALUE
	local v=$1
	if [[ $v =~ ^[A-Za-z0-9./][A-Za-z0-9._/@:-]*$ && $v != *: ]]; then
		printf %s "$v"
	else
		v=${v//\\/\\\\}
		printf '"%s"' "${v//\"/\\\"}"
	fi
}

# TEXT in the place of KEY and what belongs to it, or of where it stands as a comment, or at the end.
yaml_put() { # FILE KEY TEXT
	local place='^#?'
	! grep -q "^$2:" "$1" || place='^'
	TEXT=$3 awk -v place="$place$2:" '
	!done && $0 ~ place { print ENVIRON["TEXT"]; done = 1; after = 1; next }
	after && /^#?  +[a-z_]+:/ { next }
	{ after = 0; print }
	END { if (!done) print ENVIRON["TEXT"] }' "$1" > "$1.put"
	mv "$1.put" "$1"
}

# The key `tls` stands for both of its files: conf_get knows the certificate, conf_set writes both or takes them away.
conf_get() { # FILE KEY
	[ "$2" != tls ] || set -- "$1" tls.certificate
	yaml_get "$@"
}

conf_set() { # FILE KEY VALUE; an empty one takes the key away
	local text=''
	case $2${3:+=} in
	tls=) text="tls:
  certificate: $etc/web.crt
  key: $etc/web.key" ;;
	*=) text="$2: $(yaml_quoted "$3")" ;;
	esac
	yaml_put "$1" "$2" "$text"
}

# A file, whole or not at all.
put_file() { # FROM TO MODE [OWNER]
	local new=${2%/*}/.sallyport-setup.new
	install -m "$3" ${4:+-o "$4" -g "$4"} "$1" "$new"
	mv "$new" "$2"
}

# Values for keys of DAEMON.yaml: an empty one leaves the key alone, `none` takes it away. Sets `changed` to the keys that are
# not as they were.
configure() { # DAEMON KEY VALUE ...
	local daemon=$1 file=$root$etc/$1.yaml new=$scratch/$1.yaml was text='' lost=''
	shift
	changed=''
	if [ -e "$file" ]; then cp "$file" "$new"; else cp "$root$etc/$daemon.yaml.sample" "$new"; fi
	while [ $# -gt 0 ]; do
		was=$(conf_get "$file" "$1")
		if [ -n "$2" ] && [ "$was" != "$2" ]; then
			conf_set "$new" "$1" "${2#none}"
			[ "$(conf_get "$new" "$1")" = "${2#none}" ] || fail "$file: '$1' is not where it can be changed; set it by hand, to $2"
			changed+=" $1"
			text+="${text:+, }$1: $2${was:+ (was $was)}"
			lost+=$was
		fi
		shift 2
	done
	why=$("$root$libexec/$daemon" --check --config="$new" 2>&1) ||
		fail "not written, because $daemon would not take it: ${why//"$new"/$file}"
	if [ ! -e "$file" ]; then
		! step "$daemon" "$file is written: $text" || put_file "$new" "$file" 644
	elif [ -z "$changed" ]; then
		kept "$daemon" "$file: as it should be"
	elif step "$daemon" "$file is changed: $text${lost:+. As it was: $file.old}"; then
		[ -z "$lost" ] || cp -p "$file" "$file.old"
		put_file "$new" "$file" 644
	fi
}

# A secret that DAEMON alone can read. Sets `new_secret` when it was another.
keep_secret() { # DAEMON FILE TEXT WHAT
	local owner=sallyport-$1
	[ -z "$root" ] || owner=''
	if [ "$(cat "$root$2" 2>/dev/null)" = "$3" ]; then
		kept "$1" "$2: as it should be"
	elif step "$1" "$2 is written: $4"; then
		printf '%s\n' "$3" > "$scratch/secret"
		put_file "$scratch/secret" "$root$2" 600 $owner
		new_secret=yes
	fi
}
