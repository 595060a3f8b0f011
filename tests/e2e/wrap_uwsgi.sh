#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# uWSGI as it comes with Debian with a Flask application, by examples/servers, under `muster run --`: each of its
# signals, sent to muster, does what it does to uWSGI, and the application has counted what was answered.
. "$(dirname "$0")/wrap_common.bash"
site
example uwsgi/uwsgi.ini
example app.py
export PYTHONDONTWRITEBYTECODE=1
sed -i 's/^max-requests.*/max-requests = 100\nmin-worker-lifetime = 0/; s/^processes.*/processes = 2/' "$dir/uwsgi.ini"

uwsgi_start() {
	local name=$1
	shift
	start "$name" run --metrics 127.0.0.1:0 --region "$dir/r" "$@" -- /usr/bin/uwsgi --ini "$dir/uwsgi.ini" --chdir "$dir"
	until_true 20 curl -fsS "$url/hello/me" || fail "$name: uWSGI answers"
	server_is
	until_true 20 all_hear || fail "$name: two workers"
}
# A worker that starts is deaf to signals, a master that starts is killed by most, and one that has put off a worker's start
# starts it after TERM, and waits for it forever: we wait.
all_hear() {
	local pid
	worker_count_is 2 || return 1
	for pid in $(workers); do
		grep -q "WSGI app 0 .*ready.* pid: $pid " "$run/uwsgi.log" || return 1
	done
}
says() { until_true 20 grep -q "$2" "$run/uwsgi.log" && ok "$1" || fail "$1"; }

uwsgi_start signals --multiproc-dir "$dir/multiproc"
is uwsgi_is_what_was_started "$(cat "$run/uwsgi.pid")" "$server"
watch_start
load_start "$url/hello/world"
before=$(workers)
kill -HUP "$master"
until_true 40 eval 'grep -q "(RE)spawned uWSGI master" "$run/uwsgi.log" && workers_are_new "$before" 2 && all_hear' && ok hup_reloads || fail hup_reloads
is hup_keeps_the_server "$(cat "$run/uwsgi.pid")" "$server"
kill -USR1 "$master"
says usr1_prints_statistics 'workers total requests'
kill -TSTP "$master"
says tstp_pauses 'PAUSE (press start'
kill -TSTP "$master"
says tstp_resumes 'resuming workers'
until_true 20 eval '[ "$(sample "hellos_total{name=\"world\"}")" -gt 250 ]' || fail workers_are_recycled
load_end signals
is every_answer_was_counted "$(sample 'hellos_total{name="world"}')" "$answered"
load_start "$url/hello/others"
is_replaced uwsgi_replaces_a_killed_worker 2
load_stop
counted=$(sample 'hellos_total{name="others"}')
[ "$counted" -ge "$answered" ] && [ "$counted" -le $((answered + 1)) ] && ok a_kill_costs_its_request || fail "a_kill_costs_its_request: $answered answered, $counted counted"
watch_end signals
until_true 20 all_hear || fail all_are_started
ends term TERM 0

# ---- by an ordinary user, and without die-on-term: then TERM is a reload
ordinary_user
sed -i '/^die-on-term/d' "$dir/uwsgi.ini"
uwsgi_start ordinary
before=$(workers)
kill -TERM "$master"
until_true 30 workers_are_new "$before" 2 && ok term_reloads || fail term_reloads
until_true 20 curl -fsS "$url/hello/me" || fail it_goes_on
is nothing_is_lost_by_it "$(sample 'hellos_total{name="me"}')" 2
until_true 20 all_hear || fail all_are_started_again
ends int INT 0
