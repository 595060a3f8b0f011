#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# examples/python_extension in gunicorn's workers, under `muster run --`: what it counts is what the load saw answered, while
# workers are recycled and killed; loaded before the fork (--preload) and after it; as root, with workers that give up their
# rights, and without any.
# shellcheck source=tests/e2e/native_common.bash
. "$(dirname "$0")/native_common.bash"
mkdir -m 0755 "$dir/app"
"$examples/python_extension/build" "$dir/app" || fail extension_builds
ok extension_builds
cp "$examples/python_extension/app.py" "$dir/app"

gunicorn_start() { # NAME MUSTER_OPTION... -- GUNICORN_OPTION...
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	start "$name" run --metrics 127.0.0.1:0 --region "$dir/r.$name" ${options[@]+"${options[@]}"} -- /usr/bin/gunicorn "$@" \
		--workers 2 --max-requests 200 --chdir "$dir/app" --bind "127.0.0.1:$port" --log-level error app:app
	until_true 20 curl -fsS "$url" || fail "$name: gunicorn answers"
	server_is
	answered=1
}
workers() { pgrep -P "$server" | sort | xargs; }
two_workers() { [ "$(workers | wc -w)" -eq 2 ]; }
counted() { # NAME
	until_true 10 sample_is 'wsgi_requests_total{status="200"}' "$answered" ||
		fail "$1: $answered answered, $(sample 'wsgi_requests_total{status="200"}') counted"
	is "$1" "$(sample wsgi_request_seconds_count)" "$answered"
}
recycle_and_kill() {
	load_begin -n 1200 -c 4
	load_wait
	counted "$1.recycled"
	at_least muster_folded_slabs_total 4 && ok "$1.the_dead_are_folded" || fail "$1.the_dead_are_folded"
	until_true 10 two_workers
	until_true 10 kill_one || fail a_worker_is_killed
	until_true 10 two_workers
	load_begin -n 100 -c 4
	load_wait
	counted "$1.killed"
	stop TERM
	is "$1.ends" "$status" 0
	is "$1.no_attach_failed" "$("${by[@]}" "$muster" cat --region "$dir/r.$1" | awk '/^muster_attach_failures_total/ { n += $2; seen = 1 } END { print seen ? n : "none" }')" 0
}

[ "$(id -u)" -ne 0 ] || {
	gunicorn_start root --worker-user www-data -- --user www-data --group www-data
	is workers_gave_up_their_rights "$(stat -c %U "/proc/$(workers | cut -d' ' -f1)")" www-data
	recycle_and_kill root
	gunicorn_start preload --worker-user www-data -- --user www-data --group www-data --preload
	recycle_and_kill preload
}

ordinary_user
gunicorn_start user --
recycle_and_kill user
gunicorn_start user_preload -- --preload
recycle_and_kill user_preload
