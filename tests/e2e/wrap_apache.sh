#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Apache prefork as it comes with Debian, by examples/servers/apache, under `muster run --`: each of its signals, sent to
# muster, does what it does to Apache, while requests are answered and workers are recycled; its own status page has the
# number of requests that were answered, and of processes that muster counts.
. "$(dirname "$0")/wrap_common.bash"
site
example apache/httpd.conf

apache_start() {
	start "$1" run --metrics 127.0.0.1:0 --region "$dir/r" -- /usr/sbin/apache2 -DFOREGROUND -f "$dir/httpd.conf" \
		-c "MaxConnectionsPerChild 150"
	until_true 10 curl -fsS "$url/hello" || fail "$1: Apache answers"
	server_is
	is "$1.apache_is_what_was_started" "$(cat "$run/apache2.pid")" "$server"
}
status_page() { curl -fsS "$url/server-status?auto" | sed -n "s/^$1: //p"; }
total_accesses() { status_page 'Total Accesses'; }
processes_agree() { [ "$(sample muster_tree_processes)" -eq $(($(status_page BusyWorkers) + $(status_page IdleWorkers) + 1)) ]; }

apache_start signals
watch_start
load_start "$url/hello"
before=$(workers)
kill -USR1 "$master"
until_true 20 eval 'grep -q "Graceful restart requested" "$run/error.log" && none_left "$before"' && ok usr1_makes_new_workers || fail usr1_makes_new_workers
is usr1_keeps_the_server "$(cat "$run/apache2.pid")" "$server"
until_true 20 eval '[ "$(served)" -gt 700 ]' || fail workers_are_recycled
load_end usr1
is every_answer_is_in_apaches_log "$(served)" "$answered"
until_true 10 page_is_the_log total_accesses 0 && ok apaches_page_has_them || fail "apaches_page_has_them: $(total_accesses), $(logged_answers) logged"
until_true 10 processes_agree && ok processes_are_those_of_apaches_page || fail processes_are_those_of_apaches_page
is listener_is_known "$(sample "muster_listener_backlog{address=\"127.0.0.1:$port\"}")" 511
scrape | awk '/^muster_tree_cpu_seconds_total/ { n += $2 } END { exit n <= 0 }' && ok cpu_of_recycled_workers_is_counted || fail cpu_of_recycled_workers_is_counted

# ---- signals and kills that cost requests
load_start "$url/hello"
before=$(workers)
kill -HUP "$master"
until_true 20 eval 'grep -q "SIGHUP received" "$run/error.log" && none_left "$before"' && ok hup_restarts || fail hup_restarts
is hup_keeps_the_server "$(cat "$run/apache2.pid")" "$server"
is_replaced apache_replaces_a_killed_worker 4
load_stop
[ "$answered" -gt 0 ] && ok it_goes_on || fail it_goes_on
watch_end signals
is signals_are_counted "$(sample 'muster_signals_passed_total{signal="SIGHUP"}') $(sample 'muster_signals_passed_total{signal="SIGUSR1"}')" "1 1"
load_start "$url/hello"
ends winch_is_graceful WINCH 0
load_stop

# ---- as an ordinary user
ordinary_user
apache_start ordinary
ends term TERM 0
