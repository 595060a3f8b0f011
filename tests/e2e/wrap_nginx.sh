#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nginx as it comes with Debian, by examples/servers/nginx, under `muster run --`: each of its signals, sent to muster,
# does what it does to nginx, while requests are answered; its own status page has as many.
. "$(dirname "$0")/wrap_common.bash"
site
example nginx/nginx.conf

nginx_start() {
	sed -i "s/^daemon .*/daemon $2;/" "$dir/nginx.conf"
	start "$1" run --metrics 127.0.0.1:0 --region "$dir/r" -- /usr/sbin/nginx -c "$dir/nginx.conf"
	until_true 10 curl -fsS "$url/hello" || fail "$1: nginx answers"
	until_true 10 [ -s "$run/nginx.pid" ] || fail "$1: nginx has a pid"
	until_true 10 pid_is_known || fail "$1: nginx is known as the server"
}
pid_is_known() {
	server_is
	[ "$server" = "$(cat "$run/nginx.pid")" ]
}
workers() { pgrep -P "${1:-$server}" -f 'nginx: worker' | sort | xargs; }
requests() { curl -fsS "$url/nginx-status" | awk 'NR == 3 { print $3 }'; }

# ---- in the foreground: HUP, USR1, a killed worker, QUIT
nginx_start foreground off
until_true 10 worker_count_is 2 || fail two_workers
watch_start
load_start "$url/hello"
before=$(workers)
kill -HUP "$master"
until_true 20 workers_are_new "$before" 2 && ok hup_makes_new_workers || fail hup_makes_new_workers
is hup_keeps_the_server "$(cat "$run/nginx.pid")" "$server"

mv "$run/access.log" "$run/access.log.1"
kill -USR1 "$master"
until_true 20 [ -s "$run/access.log" ] && ok usr1_reopens_the_log || fail usr1_reopens_the_log
until_true 20 eval '[ "$(served)" -gt 100 ]' || fail load_arrives
load_end foreground
until_true 10 eval '[ "$(served)" -eq "$answered" ]' && ok every_answer_is_in_nginxs_log || fail "every_answer_is_in_nginxs_log: $(served) of $answered"
until_true 10 page_is_the_log requests 1 && ok nginxs_page_has_them || fail "nginxs_page_has_them: $(requests), $(logged_answers) logged"
until_true 10 eval '[ "$(sample muster_tree_processes)" -eq 3 ]' && ok processes_are_counted || fail processes_are_counted
is listener_is_known "$(sample "muster_listener_backlog{address=\"127.0.0.1:$port\"}")" 511
is hup_is_counted "$(sample 'muster_signals_passed_total{signal="SIGHUP"}')" 1
is usr1_is_counted "$(sample 'muster_signals_passed_total{signal="SIGUSR1"}')" 1
is server_runs "$(sample 'muster_worker_slots{state="running"}')" 1
is_replaced nginx_replaces_a_killed_worker 2
watch_end foreground
ends quit_is_graceful QUIT 0
has quit_is_what_nginx_got "$(cat "$run/error.log")" "gracefully shutting down"

# ---- as a daemon: it leaves its first process, and is supervised on; then the upgrade of its binary
nginx_start daemon on
has daemon_is_told_of "$(cat "$log")" "live on: supervising them, pid $server as the server"
watch_start
load_start "$url/hello"
old=$server
kill -USR2 "$master"
until_true 20 [ -s "$run/nginx.pid.oldbin" ] || fail usr2_starts_a_second_nginx
until_true 20 [ -s "$run/nginx.pid" ] || fail usr2_second_has_a_pid
new=$(cat "$run/nginx.pid")
is usr2_starts_a_second_nginx "$(cat "$run/nginx.pid.oldbin")" "$old"
until_true 20 eval '[ "$(workers $new | wc -w)" -eq 2 ]' || fail usr2_second_has_workers
kill -WINCH "$master"
until_true 20 eval '[ -z "$(workers $old)" ]' && ok winch_ends_the_old_workers || fail winch_ends_the_old_workers
kill -QUIT "$master"
wait_logged "supervising them, pid $new as the server" 20
ok quit_after_usr2_goes_on_with_the_new_one
until_true 10 gone "$old" || fail old_one_is_gone
load_end upgrade
watch_end upgrade
server_is
ends term_ends_the_daemon TERM 0

# ---- as an ordinary user; its master is killed: nginx alone would leave its workers with the port
ordinary_user
nginx_start killed off
tree=$(below "$master")
kill -KILL "$server"
reap
is status_of_a_killed_server "$status" 137
gone $tree && ok orphaned_workers_are_ended || fail orphaned_workers_are_ended
curl -fsS "$url/hello" >/dev/null 2>&1 && fail port_is_free || ok port_is_free
