#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# TLS: who is let in and who is not, what is spoken, certificates that are renewed, configurations that are wrong.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
# shellcheck source=tests/e2e/serving_common.bash
. "$(dirname "$0")/serving_common.bash"
authority strangers
certificate scraper DNS:scraper,URI:spiffe://muster/scraper
certificate other DNS:other,IP:10.0.0.9
certificate stranger DNS:scraper strangers
client() { tls_code --cert "$web/$1.pem" --key "$web/$1.key" "$url/-/ready"; }
# s_client OPTION...: what was agreed.
agreed() { openssl s_client -connect "$address" -CAfile "$web/ca.pem" "$@" </dev/null 2>&1 || true; }
closed() { trust "$url/metrics" | awk -v name="muster_http_connections_closed_total{reason=\"$1\"}" '$1 == name { print $2 }'; }

serve "$tls}"
has scheme_is_logged "$(cat "$log")" "metrics on https://127.0.0.1:"
is scrape_by_tls "$(tls_code "$url/metrics")" 200
is scrape_by_tls_1_2 "$(tls_code --tls-max 1.2 "$url/metrics")" 200
is certificate_is_the_servers "$(curl -sS --max-time 5 "$url/" -o /dev/null -w '%{http_code}' 2>/dev/null || true)" 000
is one_handshake_for_two_requests "$(trust -o /dev/null -o /dev/null -w '%{num_connects}' "$url/metrics" "$url/")" 10
is head_by_tls "$(trust -I "$url/-/ready" | head -n 1 | tr -d '\r')" "HTTP/1.1 200 OK"
is post_by_tls "$(tls_code -d x "$url/metrics")" 405
has http1_is_agreed "$(agreed -alpn h2,http/1.1)" "ALPN protocol: http/1.1"
has http2_alone_is_refused "$(agreed -alpn h2)" "alert"
has old_tls_is_refused "$(agreed -tls1_1 -cipher DEFAULT@SECLEVEL=0)" "alert"
has renegotiation_is_refused "$( (echo R; sleep 1) | openssl s_client -connect "$address" -tls1_2 2>&1 || true)" "no renegotiation"
has session_is_resumed "$(openssl s_client -connect "$address" -tls1_2 -reconnect </dev/null 2>&1 | grep -c '^Reused' || true)" 5
has plain_http_is_told "$(curl -sS --max-time 5 "http://$address/metrics")" "this is plain HTTP, and here is TLS: use https://"
[ "$(closed tls)" -ge 3 ] && ok refused_handshakes_are_counted || fail refused_handshakes_are_counted

# A certificate that is renewed while a half of it stands there.
first=$(serial)
openssl ecparam -name prime256v1 -genkey -noout -out "$web/server.key"
is half_renewed_serves_the_old_one "$(serial)" "$first"
wait_logged "server.key: key values mismatch; name the PEM file of the key of .*what held before it changed holds on" 5
is half_renewed_is_told_once "$(serial >/dev/null; grep -c 'key values mismatch' "$log")" 1
certificate server DNS:localhost,IP:127.0.0.1
until_true 5 eval '[ "$(serial)" != "$first" ]' && ok renewed_certificate_is_served || fail renewed_certificate_is_served
is renewed_certificate_is_good "$(tls_code "$url/metrics")" 200

# A new configuration that is wrong, or without what protected the page.
configure "$tls, cert_flie: x}"
is page_stays_when_file_is_wrong "$(tls_code "$url/metrics")" 200
wait_logged 'web.yml:1: tls_server_config.cert_flie: unknown key; there are cert_file' 5
has wrong_file_is_shown "$(trust "$url/metrics")" "muster_web_config_last_read_successful 0"
configure ""
is tls_is_never_dropped "$(tls_code "$url/metrics")" 200
wait_logged 'web.yml: is without TLS now; that needs a restart' 5
configure "$tls, min_version: TLS13}"
is new_version_holds "$(tls_code --tls-max 1.2 "$url/metrics")$(tls_code "$url/metrics")" 000200
has right_file_is_shown "$(trust "$url/metrics")" "muster_web_config_last_read_successful 1"

# Client certificates.
configure "$tls, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}"
is client_without_certificate_is_refused "$(tls_code "$url/-/ready")" 000
is client_of_ca_is_let_in "$(client scraper)" 200
is client_of_strangers_is_refused "$(client stranger)" 000
has client_is_told_by_an_alert "$(trust "$url/-/ready" 2>&1 || true)" "alert"
is client_by_tls_1_2 "$(tls_code --tls-max 1.2 --cert "$web/scraper.pem" --key "$web/scraper.key" "$url/-/ready")" 200
configure "$tls, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: ['spiffe://muster/scraper', 10.0.0.9]}"
is client_with_allowed_uri "$(client scraper)" 200
is client_with_allowed_ip "$(client other)" 200
configure "$tls, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, client_allowed_sans: [scraper]}"
is client_with_another_name_is_refused "$(client other)" 000
is client_with_allowed_name "$(client scraper)" 200
stop TERM
is clean_stop "$status" 0

# What is chosen, and what may not be.
serve "$tls, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], curve_preferences: [CurveP384], max_version: TLS12}"
has cipher_is_chosen "$(agreed)" "ECDHE-ECDSA-AES128-GCM-SHA256"
has curve_is_chosen "$(agreed)" secp384r1
stop TERM
serve "$tls, client_auth_type: RequireAnyClientCert}"
is any_client_will_do "$(client stranger)$(tls_code "$url/")" 200000
stop TERM
serve "$tls, client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem}"
is client_need_not_but_if "$(tls_code "$url/")$(client scraper)$(client stranger)" 200200000
stop TERM

refuses() { # NAME TEXT MESSAGE
	echo "$2" >"$web/web.yml"
	exit_of "$muster" serve --metrics none --region "$dir/region" --web-config-file "$web/web.yml"
	is "$1_ends" "$status" 78
	has "$1_is_told" "$err" "$3"
}
refuses missing_certificate "tls_server_config: {cert_file: none.pem, key_file: server.key}" "none.pem: No such file or directory; name a PEM file"
refuses other_key "tls_server_config: {cert_file: server.pem, key_file: ca.key}" "ca.key: key values mismatch; name the PEM file of the key of"
openssl rsa -aes128 -passout pass:x -in <(openssl genrsa 2048 2>/dev/null) -out "$web/locked.key" 2>/dev/null
refuses locked_key "tls_server_config: {cert_file: server.pem, key_file: locked.key}" "without a passphrase"
refuses unknown_cipher "$tls, cipher_suites: [RC4]}" "cipher_suites: RC4: no such cipher; openssl ciphers -stdname lists them"
refuses unknown_curve "$tls, curve_preferences: [P7]}" "curve_preferences: P7: must be CurveP256"
refuses empty_ca "$tls, client_auth_type: RequireAndVerifyClientCert, client_ca_file: server.key}" "name a PEM file of certificates"

# By a socket file, too.
echo "$tls}" >"$web/web.yml"
start socket serve --metrics "unix:$dir/metrics.sock" --region "$dir/region" --web-config-file "$web/web.yml"
is tls_over_socket_file "$(tls_code --unix-socket "$dir/metrics.sock" https://localhost/metrics)" 200
