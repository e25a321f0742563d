# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# web: the web certificate: the cluster's own, of files, or by certbot; and another one later. Part of sallyport-setup.
#
# Files are copied, because their owner is not proxyd's user, and /etc/letsencrypt is closed to it. certbot's hook copies again
# after each renewal, with this program, so that nothing reaches proxyd that was not looked at.

readonly LIVE=/etc/letsencrypt/live HOOKS=/etc/letsencrypt/renewal-hooks/deploy

check_web() {
	case $1 in
	self-signed | files | acme) ;;
	*) because "'$1' is none of self-signed, files, acme" ;;
	esac
}

check_email() { [[ $1 =~ ^[^[:space:]@]+@[^[:space:]@]+$ ]] || because "'$1' is not a mail address"; }

check_names() { # CERT HOST
	local kind=-checkhost said
	[[ $2 != *:* && ! $2 =~ ^[0-9.]+$ ]] || kind=-checkip
	said=$(openssl x509 -in "$1" -noout $kind "$2" 2>&1) || true
	[[ $said == *'does match'* ]] ||
		because "$1 is not for $2 but for $(openssl x509 -in "$1" -noout -ext subjectAltName 2>/dev/null | sed -n '2s/^ *//p')"
}

# A certificate and key that proxyd can show to browsers that come to the public address.
check_pair() { # CERT KEY
	local public mine about
	check_readable "$1" && check_readable "$2" || return
	public=$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null) || because "$1: no certificate in PEM" || return
	mine=$(openssl pkey -in "$2" -passin pass: -pubout 2>/dev/null) ||
		because "$2: no private key in PEM, or one with a passphrase (openssl pkey -in FILE -out NEW takes it off)" || return
	[ "$public" = "$mine" ] || because "$2 is not the key of the certificate $1" || return
	about=$(openssl pkey -in "$2" -passin pass: -noout -text_pub 2>/dev/null)
	[[ $about == *Modulus:* || $about =~ 'ASN1 OID: '(prime256v1|secp384r1|secp521r1) ]] ||
		because "$2: RSA and ECDSA keys are what proxyd and browsers take" || return
	openssl x509 -in "$1" -noout -checkend 0 > /dev/null ||
		because "$1 has expired: $(openssl x509 -in "$1" -noout -enddate)" || return
	check_names "$1" "$(host_of "$public_addr")"
}

gather_web() {
	if [ -z "$web" ] && [ ! -e "$root$etc/proxyd.yaml" ]; then
		settle web check_web 'Web certificate: self-signed, files, or acme (certbot)' --self-signed self-signed
	fi
	case $web in
	files)
		settle web_cert check_readable 'File of the certificate with its chain' --web-cert
		settle web_key check_readable 'File of its key' --web-key
		web_cert=$(realpath -s "$web_cert") web_key=$(realpath -s "$web_key")
		check_pair "$web_cert" "$web_key" || fail "$why"
		;;
	acme)
		[ -z "$root" ] || fail "certbot is not for --root: give --web-cert and --web-key"
		settle acme_email check_email 'Your mail address, for the authority, to whose terms you agree' --acme-email
		gather_acme
		;;
	esac
}

gather_acme() {
	local lineage
	lineage=$LIVE/$(host_of "$public_addr")
	web_cert=$lineage/fullchain.pem web_key=$lineage/privkey.pem
	! check_pair "$web_cert" "$web_key" || return 0
	command -v certbot > /dev/null || fail "certbot is not installed: apt-get install certbot"
	check_port '' :80 "certbot needs it for a moment; or get the certificate in another way, and give --web-cert and --web-key" ||
		fail "$why"
}

# --- the steps --------------------------------------------------------------------------------------------------------------

get_certificate() {
	local host
	host=$(host_of "$public_addr")
	step web "certbot gets a certificate for $host" || return 0
	(umask 022 && certbot certonly --quiet --non-interactive --standalone --agree-tos --email "$acme_email" \
		${acme_server:+--server "$acme_server"} --cert-name "$host" --domain "$host" >&2) ||
		fail "certbot got no certificate; its reasons are above and in /var/log/letsencrypt. Then run this again"
	check_pair "$web_cert" "$web_key" || fail "$why"
}

act_web() {
	[ "$web" != acme ] || check_pair "$web_cert" "$web_key" || get_certificate
	[ "$web" != acme ] && [ "$web" != files ] || copy_pair
}

copy_pair() {
	local owner=sallyport-proxyd
	[ -z "$root" ] || owner=''
	if cmp -s "$web_cert" "$root$etc/web.crt" && cmp -s "$web_key" "$root$etc/web.key"; then
		kept web "$etc/web.crt: the certificate of $web_cert"
	elif step web "$etc/web.crt and web.key are written: $web_cert and $web_key"; then
		put_file "$web_key" "$root$etc/web.key" 600 $owner
		put_file "$web_cert" "$root$etc/web.crt" 644 $owner
		new_pair=yes
	fi
	[ -n "$root" ] || install_hook
}

# For what certbot renews, whoever asked it to.
install_hook() {
	local lineage=${web_cert%/fullchain.pem}
	[[ $lineage == "$LIVE"/* && $lineage != "$web_cert" ]] || return 0
	cat > "$scratch/hook" <<END
#!/bin/sh
# Written by sallyport-setup. certbot runs it after a renewal: proxyd gets a copy of the certificate and takes it at once.
[ "\$RENEWED_LINEAGE" = "$lineage" ] && [ -x $self ] || exit 0
exec $self certificate "\$RENEWED_LINEAGE/fullchain.pem" "\$RENEWED_LINEAGE/privkey.pem"
END
	if cmp -s "$scratch/hook" "$HOOKS/sallyport"; then
		kept web "$HOOKS/sallyport: as it should be"
	elif step web "$HOOKS/sallyport is written: renewals reach proxyd"; then
		(umask 022 && mkdir -p "$HOOKS")
		put_file "$scratch/hook" "$HOOKS/sallyport" 755
	fi
}

# Another certificate for a proxy that is there already, which takes it without an interruption.
new_certificate() { # CERT KEY
	[ $# = 2 ] || fail "certificate takes two files: CERT KEY"
	public_addr=$(yaml_get "$etc/proxyd.yaml" public_addr)
	[ -n "$public_addr" ] || fail "there is no proxy here yet: sallyport-setup makes it"
	listen=$(or_else "$(yaml_get "$etc/proxyd.yaml" listen)" ":$PUBLIC_PORT")
	web_cert=$(realpath -s "$1") web_key=$(realpath -s "$2")
	check_pair "$web_cert" "$web_key" || fail "$why"
	copy_pair
	configure proxyd tls "$etc/web.crt"
	show_certificate
}

# proxyd reads the certificate again, when there is another one. Anything else that has changed needs a new start.
show_certificate() {
	unit_runs sallyport-proxyd || return 0
	if [ "$changed" = ' tls' ] || { [ -z "$changed" ] && [ -n "$new_pair" ]; }; then
		changed=''
		step proxyd "sallyport-proxyd reads the certificate" || return 0
		systemctl reload sallyport-proxyd
		await proxyd proxyd_works
	fi
}
