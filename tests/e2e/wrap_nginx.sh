#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nginx as it comes with Debian, under `muster run --`: each of its signals, sent to muster, does what it does to
# nginx, while requests are answered.
. "$(dirname "$0")/wrap_common.bash"
port=$(free_port)
url=http://127.0.0.1:$port/

# conf on|off: a configuration of two workers.
conf() {
	mkdir -p "$dir/nginx"
	chmod 0755 "$dir" "$dir/nginx"
	cat >"$dir/nginx/conf" <<CONF
daemon $1; worker_processes 2; pid $dir/nginx/pid; error_log $dir/nginx/error.log notice;
events { worker_connections 128; }
http {
	access_log $dir/nginx/access.log; client_body_temp_path $dir/nginx/a; proxy_temp_path $dir/nginx/b;
	fastcgi_temp_path $dir/nginx/c; uwsgi_temp_path $dir/nginx/d; scgi_temp_path $dir/nginx/e;
	server { listen 127.0.0.1:$port; location / { return 200 "hello"; } }
}
CONF
}
nginx_start() {
	conf "$2"
	start "$1" run --metrics 127.0.0.1:0 --region "$dir/r" -- /usr/sbin/nginx -c "$dir/nginx/conf" -p "$dir/nginx"
	until_true 10 curl -fsS "$url" || fail "$1: nginx answers"
	until_true 10 [ -s "$dir/nginx/pid" ] || fail "$1: nginx has a pid"
	until_true 10 pid_is_known || fail "$1: nginx is known as the server"
}
pid_is_known() {
	server_is
	[ "$server" = "$(cat "$dir/nginx/pid")" ]
}
workers() { pgrep -P "$1" -f 'nginx: worker' | sort | xargs; }
workers_are_not() { [ "$(workers "$1" | wc -w)" -eq 2 ] && [ "$(comm -12 <(workers "$1" | tr ' ' '\n') <(tr ' ' '\n' <<<"$2"))" = "" ]; }

# ---- in the foreground: HUP, USR1, a killed worker, QUIT
nginx_start foreground off
load_start "$url"
before=$(workers "$server")
kill -HUP "$master"
until_true 20 workers_are_not "$server" "$before" && ok hup_makes_new_workers || fail hup_makes_new_workers
is hup_keeps_the_server "$(cat "$dir/nginx/pid")" "$server"

mv "$dir/nginx/access.log" "$dir/nginx/access.log.1"
kill -USR1 "$master"
until_true 20 [ -s "$dir/nginx/access.log" ] && ok usr1_reopens_the_log || fail usr1_reopens_the_log

is hup_is_counted "$(sample 'muster_signals_passed_total{signal="SIGHUP"}')" 1
is usr1_is_counted "$(sample 'muster_signals_passed_total{signal="SIGUSR1"}')" 1
is server_runs "$(sample 'muster_worker_slots{state="running"}')" 1
load_end foreground
until_true 10 no_zombies && ok no_zombie_stays || fail no_zombie_stays
tree=$(below "$master")
stop QUIT
is quit_is_graceful "$status" 0
has quit_is_what_nginx_got "$(cat "$dir/nginx/error.log")" "gracefully shutting down"
gone $tree && ok nobody_is_left || fail nobody_is_left

# ---- as a daemon: it leaves its first process, and is supervised on; then the upgrade of its binary
nginx_start daemon on
has daemon_is_told_of "$(cat "$log")" "live on: supervising them, pid $server as the server"
load_start "$url"
old=$server
kill -USR2 "$master"
until_true 20 [ -s "$dir/nginx/pid.oldbin" ] || fail usr2_starts_a_second_nginx
until_true 20 [ -s "$dir/nginx/pid" ] || fail usr2_second_has_a_pid
new=$(cat "$dir/nginx/pid")
is usr2_starts_a_second_nginx "$(cat "$dir/nginx/pid.oldbin")" "$old"
until_true 20 workers_are_not "$new" "" || fail usr2_second_has_workers
kill -WINCH "$master"
until_true 20 eval '[ -z "$(workers $old)" ]' && ok winch_ends_the_old_workers || fail winch_ends_the_old_workers
kill -QUIT "$master"
wait_logged "supervising them, pid $new as the server" 20
ok quit_after_usr2_goes_on_with_the_new_one
until_true 10 gone "$old" || fail old_one_is_gone
load_end upgrade
kill -KILL "$(workers "$new" | cut -d' ' -f1)"
until_true 20 eval '[ "$(workers $new | wc -w)" -eq 2 ]' && ok nginx_replaces_a_killed_worker || fail nginx_replaces_a_killed_worker
tree=$(below "$master")
stop TERM
is term_ends_it "$status" 0
gone $tree && ok nobody_is_left_of_the_daemon || fail nobody_is_left_of_the_daemon

# ---- its master is killed: nginx alone would leave its workers with the port
nginx_start killed off
tree=$(below "$master")
kill -KILL "$server"
reap
is status_of_a_killed_server "$status" 137
gone $tree && ok orphaned_workers_are_ended || fail orphaned_workers_are_ended
curl -fsS "$url" >/dev/null 2>&1 && fail port_is_free || ok port_is_free
