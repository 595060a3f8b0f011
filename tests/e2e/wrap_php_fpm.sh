#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# php-fpm as it comes with Debian, by examples/servers/php-fpm behind the nginx of examples/servers/nginx, under
# `muster run --`: each of its signals, sent to muster, does what it does to php-fpm, while requests are answered and
# workers are recycled; its own status page has as many.
. "$(dirname "$0")/wrap_common.bash"
site
example php-fpm/php-fpm.conf
example nginx/nginx.conf
sed -i "s|$run/nginx.pid|$dir/nginx.pid|" "$dir/nginx.conf"
example php-fpm/index.php
mv "$dir/index.php" "$dir/www"
sed -i 's/^pm.max_requests.*/pm.max_requests = 150/; s/^pm.max_children.*/pm.max_children = 2/' "$dir/php-fpm.conf"
[ "$(id -u)" -eq 0 ] || sed -i "/^listen.owner/d; /^listen.group/d" "$dir/php-fpm.conf"
fpm=(/usr/sbin/php-fpm8.2 -y "$dir/php-fpm.conf")

nginx_start() {
	"${by[@]}" /usr/sbin/nginx -c "$dir/nginx.conf" 2>"$dir/nginx.log" &
	nginx=$!
	masters+=("$nginx")
	until_true 10 curl -fsS "$url/hello" || fail nginx_answers
}
fpm_start() {
	local name=$1
	shift
	start "$name" run --metrics 127.0.0.1:0 --region "$dir/r" "$@"
	until_true 10 curl -fsS "$url/index.php" || fail "$name: php-fpm answers"
	until_true 10 pid_is_known || fail "$name: php-fpm is known as the server"
}
pid_is_known() {
	server_is
	[ "$server" = "$(cat "$run/php-fpm.pid")" ]
}
accepted() { curl -fsS "$url/fpm-status?json" | grep -o '"accepted conn":[0-9]*' | cut -d: -f2; }

nginx_start
fpm_start signals --ready told -- "${fpm[@]}" -F
until_true 10 eval '[ "$(code "http://$address/-/ready")" = 200 ]' && ok ready_is_what_php_fpm_said || fail ready_is_what_php_fpm_said
watch_start
load_start "$url/index.php"
until_true 20 eval '[ "$(served)" -gt 400 ]' || fail workers_are_recycled
load_end recycled
is php_fpms_page_has_them "$(accepted)" $((answered + 2)) # ours before, and this one
until_true 10 eval '[ "$(sample muster_tree_processes)" -eq 3 ]' && ok processes_are_counted || fail processes_are_counted
at_least "muster_listener_backlog{address=\"$run/php-fpm.sock\"}" 1 && ok listener_is_known || fail listener_is_known

load_start "$url/index.php"
mv "$run/php-fpm.log" "$run/php-fpm.log.1"
kill -USR1 "$master"
until_true 20 [ -s "$run/php-fpm.log" ] && ok usr1_reopens_the_log || fail usr1_reopens_the_log
before=$(workers)
kill -USR2 "$master"
until_true 20 eval 'grep -q "Reloading in progress" "$run/php-fpm.log" && none_left "$before"' && ok usr2_makes_new_workers || fail usr2_makes_new_workers
until_true 20 worker_count_is 2 || fail usr2_two_workers
is usr2_keeps_the_server "$(cat "$run/php-fpm.pid")" "$server"
load_end usr2
load_start "$url/index.php"
is_replaced php_fpm_replaces_a_killed_worker 2
load_stop
watch_end signals
load_start "$url/index.php"
ends quit_is_graceful QUIT 0
load_stop

# ---- as a daemon, by an ordinary user
kill -TERM "$nginx"
wait "$nginx" || true
ordinary_user
sed -i "/^listen.owner/d; /^listen.group/d" "$dir/php-fpm.conf"
nginx_start
fpm_start daemon -- "${fpm[@]}" -D
has daemon_is_told_of "$(cat "$log")" "live on: supervising them, pid $server as the server"
until_true 10 worker_count_is 2 || fail daemon_has_workers
before=$(workers)
kill -USR2 "$master"
until_true 20 none_left "$before" && ok usr2_of_a_daemon || fail usr2_of_a_daemon
ends term_ends_the_daemon TERM 0
