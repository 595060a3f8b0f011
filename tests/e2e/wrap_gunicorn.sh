#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gunicorn as it comes with Debian with a Flask application, by examples/servers, under `muster run --`: each of its
# signals, sent to muster, does what it does to gunicorn, and the application has counted what was answered; then on a
# socket that muster opened (with which gunicorn's own USR2 fails: it closes descriptor 3 after it has duplicated it).
. "$(dirname "$0")/wrap_common.bash"
site
example gunicorn/gunicorn.conf.py
example app.py
export PYTHONDONTWRITEBYTECODE=1

gunicorn_start() {
	local name=$1
	shift
	start "$name" run --metrics 127.0.0.1:0 --region "$dir/r" "$@" -c "$dir/gunicorn.conf.py" --chdir "$dir" --workers 2 app:app
	until_true 20 curl -fsS "$url/hello/me" || fail "$name: gunicorn answers"
	server_is
	until_true 20 worker_count_is 2 || fail "$name: two workers"
}

gunicorn_start signals --multiproc-dir "$dir/multiproc" -- /usr/bin/gunicorn --max-requests 100 --max-requests-jitter 20
is gunicorn_is_what_was_started "$(cat "$run/gunicorn.pid")" "$server"
watch_start
load_start "$url/hello/world"
kill -TTIN "$master"
until_true 20 worker_count_is 3 && ok ttin_adds_a_worker || fail ttin_adds_a_worker
kill -TTOU "$master"
until_true 20 worker_count_is 2 && ok ttou_takes_one_away || fail ttou_takes_one_away
before=$(workers)
kill -HUP "$master"
until_true 20 eval 'logged "Handling signal: hup" && workers_are_new "$before" 2' && ok hup_makes_new_workers || fail hup_makes_new_workers
mv "$run/access.log" "$run/access.log.1"
kill -USR1 "$master"
until_true 20 [ -s "$run/access.log" ] && ok usr1_reopens_the_log || fail usr1_reopens_the_log
kill -WINCH "$master" # without --daemon, gunicorn says so and does nothing
wait_logged 'Handling signal: winch' 20
ok winch_arrives

# ---- USR2: a second gunicorn; the old one is ended by its operator, not through us
kill -USR2 "$master"
until_true 30 [ -s "$run/gunicorn.pid.2" ] && ok usr2_starts_a_second_gunicorn || fail usr2_starts_a_second_gunicorn
second=$(cat "$run/gunicorn.pid.2")
until_true 20 eval '[ "$(pgrep -P $second | wc -l)" -eq 2 ]' || fail second_has_workers
kill -TERM "$server"
wait_logged "supervising them, pid $second as the server" 30
ok the_second_is_supervised
server_is
load_end signals
is every_answer_was_counted "$(sample 'hellos_total{name="world"}')" "$answered"
is each_signal_was_passed_once "$(grep -c 'Handling signal: ttin' "$log")" 1
load_start "$url/hello/others"
is_replaced gunicorn_replaces_a_killed_worker 2
load_stop
counted=$(sample 'hellos_total{name="others"}')
[ "$counted" -ge "$answered" ] && [ "$counted" -le $((answered + 1)) ] && ok a_kill_costs_its_request || fail "a_kill_costs_its_request: $answered answered, $counted counted"
watch_end signals
ends term TERM 0

# ---- as an ordinary user
ordinary_user
sed -i '/^bind/d' "$dir/gunicorn.conf.py"
gunicorn_start passed --listen "127.0.0.1:$port" -- /usr/bin/gunicorn
is me_is_counted "$(sample 'hellos_total{name="me"}')" 1
ends int INT 0

# ---- it cannot start: its own status
printf 'import nothing_of_that_name\n' >"$dir/app.py"
exit_of "$muster" run --metrics none --region "$dir/r3" -- /usr/bin/gunicorn --chdir "$dir" --bind "unix:$dir/sock" app:app
is boot_failure_is_gunicorns_status "$status" 3
