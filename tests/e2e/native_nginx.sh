#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# examples/nginx_module in Debian's nginx, under `muster run --`: what it counts is what the load saw answered, over a
# reload and killed workers; as root, with workers that give up their rights, and without any.
# shellcheck source=tests/e2e/native_common.bash
. "$(dirname "$0")/native_common.bash"
"$examples/nginx_module/build" "$dir/module" || fail module_builds
ok module_builds

# conf FOLDER [DIRECTIVE]
conf() {
	cat >"$1/conf" <<CONF
load_module $dir/module/ngx_http_muster_module.so;
daemon off; worker_processes 2; pid $1/pid; error_log $1/error.log notice; ${2:-}
events { worker_connections 128; }
http {
	muster on;
	access_log off; client_body_temp_path $1/a; proxy_temp_path $1/b; fastcgi_temp_path $1/c; uwsgi_temp_path $1/d;
	scgi_temp_path $1/e;
	server { listen 127.0.0.1:$port;
		location / { return 200 "hello"; }
		location /missing { return 404; }
		location /quiet { muster off; return 200 "quiet"; } }
}
CONF
}
nginx_start() { # NAME FOLDER OPTION...
	start "$1" run --metrics 127.0.0.1:0 --region "$dir/r.$1" "${@:3}" -- /usr/sbin/nginx -c "$2/conf" -p "$2"
	until_true 20 curl -fsS "$url" || fail "$1: nginx answers"
	server_is
	answered=1
}
workers() { pgrep -P "$server" -f 'nginx: worker' | sort | xargs; }
two_new_workers() { [ "$(workers | wc -w)" -eq 2 ] && [ -z "$(comm -12 <(workers | tr ' ' '\n') <(tr ' ' '\n' <<<"$1"))" ]; }
counted() { # NAME
	until_true 20 sample_is 'nginx_http_answers_total{status="200"}' "$answered" ||
		fail "$1: $answered answered, $(sample 'nginx_http_answers_total{status="200"}') counted"
	ok "$1"
}
reload_amid_load() {
	local before
	before=$(workers)
	load_begin -n 3000 -c 8
	until_true 20 at_least 'nginx_http_answers_total{status="200"}' 200 || fail nothing_is_counted
	kill -HUP "$master"
	load_wait
	until_true 20 two_new_workers "$before" || fail reload_makes_new_workers
}

[ "$(id -u)" -ne 0 ] || {
	mkdir -m 0755 "$dir/n"
	conf "$dir/n" "user www-data;"
	nginx_start root "$dir/n" --worker-user www-data
	is workers_gave_up_their_rights "$(stat -c %U "/proc/$(workers | cut -d' ' -f1)")" www-data
	reload_amid_load
	counted reload_loses_and_repeats_nothing
	until_true 10 kill_one || fail a_worker_is_killed
	counted what_a_killed_worker_counted_stays
	for _ in 1 2 3 4 5; do curl -s "${url}missing" "${url}quiet" >/dev/null; done
	until_true 20 sample_is 'nginx_http_answers_total{status="404"}' 5 && ok by_status || fail by_status
	is observed_as_often "$(sample nginx_http_answer_seconds_count)" $((answered + 5))
	# Under load: a worker that is killed has at most one answer that it sent and did not record.
	kills=3
	load_begin -z 4s -c 4 -q 200
	for _ in $(seq $kills); do
		sleep 0.7
		until_true 10 kill_one
	done
	load_wait
	until_true 20 at_least 'nginx_http_answers_total{status="200"}' $((answered - kills)) || true
	now=$(sample 'nginx_http_answers_total{status="200"}')
	[ "$now" -ge $((answered - kills)) ] && [ "$now" -le $((answered + 4 * kills)) ] && ok killed_under_load ||
		fail "killed_under_load: $answered answered, $now counted"
	is no_attach_failed "$(scrape | awk '/^muster_attach_failures_total/ { n += $2; seen = 1 } END { print seen ? n : "none" }')" 0
	stop QUIT
	is ends "$status" 0
	is its_ledger_has_it "$("$muster" cat --region "$dir/r.root" | awk '/^nginx_http_answers_total{status="200"}/ { print $2 }')" "$now"
}

mkdir "$dir/u"
conf "$dir/u"
ordinary_user
nginx_start user "$dir/u"
reload_amid_load
counted unprivileged.reload_loses_and_repeats_nothing
until_true 10 kill_one || fail a_worker_is_killed
counted unprivileged.what_a_killed_worker_counted_stays
stop QUIT
is unprivileged.ends "$status" 0
