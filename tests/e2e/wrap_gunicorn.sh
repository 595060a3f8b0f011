#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# gunicorn as it comes with Debian, under `muster run --`: each of its signals, sent to muster, does what it does to
# gunicorn, while requests are answered; then on a socket that muster opened (with which gunicorn's own USR2 fails:
# it closes descriptor 3 after it has duplicated it).
. "$(dirname "$0")/wrap_common.bash"

cat >"$dir/app.py" <<'PY'
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
PY

gunicorn_start() {
	local name=$1
	shift
	start "$name" run --metrics 127.0.0.1:0 --region "$dir/r" "$@" --chdir "$dir" --workers 2 --pid "$dir/pid" \
		--access-logfile "$dir/access" --graceful-timeout 20 app:app
	until_true 20 curl -fsS "$url" || fail "$name: gunicorn answers"
	server_is
	until_true 20 worker_count_is 2 || fail "$name: two workers"
}
workers() { pgrep -P "$server" | sort | xargs; }
worker_count_is() { [ "$(workers | wc -w)" -eq "$1" ]; }
workers_are_new() { worker_count_is 2 && [ -z "$(comm -12 <(workers | tr ' ' '\n') <(tr ' ' '\n' <<<"$1"))" ]; }

url=http://127.0.0.1:$(free_port)/
gunicorn_start signals -- /usr/bin/gunicorn --bind "$(cut -d/ -f3 <<<"$url")"
is gunicorn_is_what_was_started "$(cat "$dir/pid")" "$server"
load_start "$url"
kill -TTIN "$master"
until_true 20 worker_count_is 3 && ok ttin_adds_a_worker || fail ttin_adds_a_worker
kill -TTOU "$master"
until_true 20 worker_count_is 2 && ok ttou_takes_one_away || fail ttou_takes_one_away
before=$(workers)
kill -HUP "$master"
until_true 20 workers_are_new "$before" && ok hup_makes_new_workers || fail hup_makes_new_workers
mv "$dir/access" "$dir/access.1"
kill -USR1 "$master"
until_true 20 [ -s "$dir/access" ] && ok usr1_reopens_the_log || fail usr1_reopens_the_log
kill -WINCH "$master" # without --daemon, gunicorn says so and does nothing
wait_logged 'Handling signal: winch' 20
ok winch_arrives

# ---- USR2: a second gunicorn; the old one is ended by its operator, not through us
kill -USR2 "$master"
until_true 30 [ -s "$dir/pid.2" ] && ok usr2_starts_a_second_gunicorn || fail usr2_starts_a_second_gunicorn
second=$(cat "$dir/pid.2")
until_true 20 eval '[ "$(pgrep -P $second | wc -l)" -eq 2 ]' || fail second_has_workers
kill -TERM "$server"
wait_logged "supervising them, pid $second as the server" 30
ok the_second_is_supervised
server_is
load_end signals
until_true 10 no_zombies && ok no_zombie_stays || fail no_zombie_stays
tree=$(below "$master")
stop TERM
is term_is_graceful "$status" 0
gone $tree && ok nobody_is_left || fail nobody_is_left
is each_signal_was_passed_once "$(grep -c 'Handling signal: ttin' "$log")" 1

url=http://127.0.0.1:$(free_port)/
gunicorn_start passed --listen "$(cut -d/ -f3 <<<"$url")" -- /usr/bin/gunicorn
tree=$(below "$master")
stop INT
is int_ends_it "$status" 0
gone $tree && ok nobody_is_left_after_int || fail nobody_is_left_after_int

# ---- it cannot start: its own status
printf 'import nothing_of_that_name\n' >"$dir/app.py"
exit_of "$muster" run --metrics none --region "$dir/r" -- /usr/bin/gunicorn --chdir "$dir" --bind "unix:$dir/sock" app:app
is boot_failure_is_gunicorns_status "$status" 3
