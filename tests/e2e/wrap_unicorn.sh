#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# unicorn as it comes with Debian, by examples/servers/unicorn, under `muster run --`: each of its signals, sent to
# muster, does what it does to unicorn, and the application has counted what was answered; as a
# daemon, too.
. "$(dirname "$0")/wrap_common.bash"
site
example unicorn/unicorn.conf.rb
example config.ru

unicorn_start() {
	local name=$1
	shift
	start "$name" run --metrics 127.0.0.1:0 --region "$dir/r" "${more[@]}" -- /usr/bin/unicorn "$@" -c "$dir/unicorn.conf.rb" "$dir/config.ru"
	until_true 20 curl -fsS "$url/hello/me" || fail "$name: unicorn answers"
	until_true 10 pid_is_known || fail "$name: unicorn is known as the server"
	until_true 20 worker_count_is 2 || fail "$name: two workers"
}
pid_is_known() {
	server_is
	[ "$server" = "$(cat "$run/unicorn.pid")" ]
}

more=(--multiproc-dir "$dir/multiproc")
unicorn_start signals
watch_start
load_start "$url/hello/world"
kill -TTIN "$master"
until_true 20 worker_count_is 3 && ok ttin_adds_a_worker || fail ttin_adds_a_worker
kill -TTOU "$master"
until_true 20 worker_count_is 2 && ok ttou_takes_one_away || fail ttou_takes_one_away
before=$(workers)
kill -HUP "$master"
until_true 20 workers_are_new "$before" 2 && ok hup_makes_new_workers || fail hup_makes_new_workers
is hup_keeps_the_server "$(cat "$run/unicorn.pid")" "$server"
mv "$run/unicorn.log" "$run/unicorn.log.1"
kill -USR1 "$master"
until_true 20 grep -q 'worker=1 done reopening logs' "$run/unicorn.log" && ok usr1_reopens_the_log || fail usr1_reopens_the_log

# ---- USR2, WINCH and QUIT: the upgrade of its binary
old=$server
kill -USR2 "$master"
until_true 30 [ -s "$run/unicorn.pid.oldbin" ] || fail usr2_starts_a_second_unicorn
until_true 30 [ -s "$run/unicorn.pid" ] || fail usr2_second_has_a_pid
new=$(cat "$run/unicorn.pid")
is usr2_starts_a_second_unicorn "$(cat "$run/unicorn.pid.oldbin")" "$old"
until_true 20 grep -q 'master process ready' "$run/unicorn.log" || fail usr2_second_is_ready
until_true 20 eval '[ "$(grep -c "worker=[01] ready" "$run/unicorn.log")" -eq 2 ]' || fail usr2_second_has_workers
kill -WINCH "$master" # it takes itself for a daemon when standard input is no terminal
until_true 20 eval '[ -z "$(workers | tr " " "\n" | grep -vx "$new")" ]' && ok winch_ends_the_old_workers || fail winch_ends_the_old_workers
kill -QUIT "$master"
wait_logged "supervising them, pid $new as the server" 20
ok quit_after_usr2_goes_on_with_the_new_one
server_is
load_end signals
is every_answer_was_counted "$(sample 'hellos_total{name="world"}')" "$answered"
is_replaced unicorn_replaces_a_killed_worker 2
watch_end signals
load_start "$url/hello/last"
ends quit_is_graceful QUIT 0
load_stop

# ---- as a daemon: WINCH; by an ordinary user
ordinary_user
more=()
unicorn_start daemon -D
has daemon_is_told_of "$(cat "$log")" "live on: supervising them, pid $server as the server"
kill -WINCH "$master"
until_true 20 worker_count_is 0 && ok winch_ends_the_workers || fail winch_ends_the_workers
kill -HUP "$master"
until_true 20 worker_count_is 2 && ok hup_brings_them_back || fail hup_brings_them_back
ends int_ends_the_daemon INT 0
