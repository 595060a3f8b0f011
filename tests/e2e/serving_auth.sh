#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Users and passwords, headers, the rate limit; and that Prometheus' own tools take the same file.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
# shellcheck source=tests/e2e/serving_common.bash
. "$(dirname "$0")/serving_common.bash"
here=$(dirname "$(realpath "$0")")
flood=
prometheus=
trap 'kill $flood $prometheus 2>/dev/null || true; finish' EXIT
long=$(printf 'x%.0s' $(seq 72))
users="basic_auth_users: {prom: '$(bcrypt secret)', long: '$(bcrypt "$long" 4)'}"
as() { tls_code -u "$1" "$url${2:-/metrics}"; }
authorization() { tls_code -H "Authorization: $1" "$url/metrics"; }
base64_of() { printf "$1" | base64 -w 0; }

serve "$tls}
http_server_config: {http2: false, headers: {X-Frame-Options: deny, X-Content-Type-Options: nosniff}}
$users"
is right_password "$(as prom:secret)" 200
is wrong_password "$(as prom:wrong)" 401
is unknown_user "$(as nobody:secret)" 401
is no_password "$(tls_code "$url/metrics")" 401
is empty_password "$(as prom:)" 401
is longest_password_bcrypt_knows "$(as "long:$long")" 200
for path in / /-/healthy /-/ready /nope; do is "needs_a_password $path" "$(tls_code "$url$path")$(as prom:secret "$path")" "401$([ "$path" = /nope ] && echo 404 || echo 200)"; done
is other_scheme "$(authorization "Bearer $(base64_of prom:secret)")" 401
is scheme_in_small_letters "$(authorization "basic $(base64_of prom:secret)")" 200
is broken_base64 "$(authorization "Basic cHJvbT!zZWNyZXQ=")" 401
is no_colon "$(authorization "Basic $(base64_of prom)")" 401
is nul_after_the_password "$(authorization "Basic $(base64_of 'prom:secret\0')")" 401
is password_given_twice "$(tls_code -H "Authorization: Basic $(base64_of prom:secret)" -H "Authorization: Basic $(base64_of prom:secret)" "$url/metrics")" 401
is overlong_header "$(authorization "Basic $(base64_of "prom:$(printf '%0900d' 0)")")" 401
answer=$(trust -si "$url/")
has refusal_names_the_scheme "$answer" 'WWW-Authenticate: Basic realm="muster"'
has refusal_has_the_headers "$answer" "X-Frame-Options: deny"
has page_has_the_headers "$(trust -si -u prom:secret "$url/")" "X-Content-Type-Options: nosniff"

# Who was let in before does not wait for those who try.
cat >"$dir/flood.py" <<'PY'
import base64, http.client, ssl, sys, threading
context = ssl._create_unverified_context()
answers = {}
def run(me):
    n = 0
    while True:
        conn = http.client.HTTPSConnection(sys.argv[1], timeout=60, context=context)
        try:
            while True:
                n += 1
                word = base64.b64encode(b"prom:%d.%d" % (me, n)).decode()
                conn.request("GET", "/metrics", headers={"Authorization": "Basic " + word})
                answer = conn.getresponse()
                answer.read()
                answers[answer.status] = answers.get(answer.status, 0) + 1
                if len(answers) > 1 and sum(answers.values()) % 100 == 0:
                    print("flooding", answers, flush=True)
        except (OSError, http.client.HTTPException):
            pass
for i in range(50):
    threading.Thread(target=run, args=(i,), daemon=True).start()
threading.Event().wait()
PY
/usr/bin/python3 "$dir/flood.py" "$address" >"$dir/flood" &
flood=$!
until_true 20 grep -q flooding "$dir/flood" || fail flood_of_wrong_passwords
grep -q "401.*503\|503.*401" "$dir/flood" && ok flood_is_refused_and_bounded || fail "flood_is_refused_and_bounded: $(cat "$dir/flood")"
worst=0
for _ in $(seq 20); do
	took=$(trust -u prom:secret -o /dev/null -w '%{http_code} %{time_total}' "$url/metrics" | awk '{ print $1 == 200 ? int($2 * 1000) : 99999 }')
	[ "$took" -le "$worst" ] || worst=$took
done
echo "# the worst of 20 scrapes in the flood took $worst ms"
[ "$worst" -lt 2000 ] && ok scraper_does_not_wait_for_a_flood_of_wrong_passwords || fail "scraper_does_not_wait_for_a_flood_of_wrong_passwords: $worst ms"
kill "$flood" && wait "$flood" 2>/dev/null || true
flood=

# A new password, and a file without users.
configure "$tls}
basic_auth_users: {prom: '$(bcrypt other)'}"
is old_password_is_refused "$(as prom:secret)" 401
is new_password_is_taken "$(as prom:other)" 200
configure "$tls}"
is users_are_never_dropped "$(tls_code "$url/metrics")" 401
wait_logged "is without all users now; that needs a restart" 5
configure "$tls}
$users"
is users_come_back "$(as prom:secret)" 200

# Prometheus, with the same file checked by its tool, and with a certificate of its own.
certificate scraper DNS:scraper
configure "$tls, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}
$users"
is password_without_a_certificate "$(as prom:secret)" 000
is file_is_good_for_promtool "$(promtool check web-config "$web/web.yml" 2>&1 | tr -d '\n')" "$web/web.yml SUCCESS"
api=127.0.0.1:$(free_port)
cat >"$dir/p.yml" <<YML
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: muster
    scheme: https
    basic_auth: {username: prom, password: secret}
    tls_config: {ca_file: $web/ca.pem, cert_file: $web/scraper.pem, key_file: $web/scraper.key}
    static_configs: [{targets: ['$address']}]
YML
prometheus --config.file="$dir/p.yml" --storage.tsdb.path="$dir/tsdb" --web.listen-address="$api" >"$dir/prometheus.log" 2>&1 &
prometheus=$!
up() { curl -sf --data-urlencode 'query=up{job="muster"} == 1' "http://$api/api/v1/query" | grep -q '"1"'; }
until_true 30 up && ok prometheus_scrapes_by_certificate_and_password || fail prometheus_scrapes_by_certificate_and_password
kill "$prometheus" && wait "$prometheus" 2>/dev/null || true
prometheus=
stop TERM
is clean_stop "$status" 0

# Without TLS, and with a rate limit.
serve "{$users, rate_limit: {interval: 1h, burst: 3}}"
url=http://$address
is password_without_tls "$(as prom:secret)$(as prom:wrong)" 200401
is rate_limit_leaves_a_burst "$(as prom:secret)$(as prom:secret)" 200429
has rate_limit_is_told "$(curl -si "$url/")" "Retry-After: 1"
stop TERM
serve "basic_auth_users: {prom: '$(bcrypt secret 4)', slow: '$(bcrypt secret 13)'}"
url=http://$address
is password_is_known "$(as prom:secret)" 200
in_flight() { curl -s -u prom:secret "$url/metrics" | grep -q "^muster_http_requests_in_flight 2$"; }
curl -s -u slow:secret "$url/" >"$dir/late" &
until_true 10 in_flight || fail password_is_being_checked
stop TERM
is stops_while_a_password_is_checked "$status" 0
cp "$here/../../examples/web-config.yml" "$web/"
is example_is_good_for_promtool "$(promtool check web-config "$web/web-config.yml" 2>&1 | tail -n 1 | tr -d '\n')" "$web/web-config.yml SUCCESS"
start example serve --metrics 127.0.0.1:0 --region "$dir/region" --web-config-file "$web/web-config.yml"
url=https://$address
is example_serves "$(as prometheus:muster)" 200
