# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/e2e/serving_*.sh behind master_common.bash: certificates, and a web configuration in $dir/web.

web=$dir/web
mkdir "$web"

# authority NAME: a CA of that name.
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-keyout "$web/$1.key" -out "$web/$1.pem" 2>/dev/null
}

# certificate NAME SAN [CA]: a key and a certificate.
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$web/$1.key" \
		-out "$web/$1.csr" 2>/dev/null
	openssl x509 -req -in "$web/$1.csr" -CA "$web/${3:-ca}.pem" -CAkey "$web/${3:-ca}.key" -CAcreateserial -days 2 \
		-extfile <(echo "subjectAltName=$2") -out "$web/$1.pem" 2>/dev/null
}

# bcrypt PASSWORD [COST]
bcrypt() {
	/usr/bin/python3 -W ignore -c \
		'import crypt, sys; print(crypt.crypt(sys.argv[1], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=2 ** int(sys.argv[2]))))' \
		"$1" "${2:-10}"
}

authority ca
certificate server DNS:localhost,IP:127.0.0.1
tls="tls_server_config: {cert_file: server.pem, key_file: server.key"

# serve TEXT [OPTION]...: a master with this web configuration, and a log of its own.
served=0
serve() {
	echo "$1" >"$web/web.yml"
	start "serve$((++served))" serve --metrics 127.0.0.1:0 --region "$dir/region" --web-config-file "$web/web.yml" "${@:2}"
	url=https://$address
}

# configure TEXT: replace the file, as whoever renews it does.
configure() {
	echo "$1" >"$web/new.yml"
	mv "$web/new.yml" "$web/web.yml"
}

trust() { curl -sS --max-time 20 --cacert "$web/ca.pem" "$@"; }
# The status, 000 if there is no answer.
tls_code() { trust -o /dev/null -w '%{http_code}' "$@" 2>/dev/null || true; }
serial() { openssl s_client -connect "$address" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
