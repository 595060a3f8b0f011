#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# puma's cluster as it comes with Debian, by examples/servers/puma, under `muster run --`: each of its signals, sent to
# muster, does what it does to puma, and the application has counted what was answered.
. "$(dirname "$0")/wrap_common.bash"
site
example puma/puma.rb
example config.ru

puma_start() {
	local name=$1
	shift
	start "$name" run --metrics 127.0.0.1:0 --region "$dir/r" "$@" -- /usr/bin/puma -C "$dir/puma.rb" "$dir/config.ru"
	until_true 20 curl -fsS "$url/hello/me" || fail "$name: puma answers"
	server_is
	until_true 20 worker_count_is 2 || fail "$name: two workers"
}
booted_is() { [ "$(grep -c "booted in.*phase: $1" "$run/puma.log")" -eq "$2" ]; }

puma_start signals --multiproc-dir "$dir/multiproc"
is puma_is_what_was_started "$(cat "$run/puma.pid")" "$server"
watch_start
load_start "$url/hello/world"
kill -TTIN "$master"
until_true 20 worker_count_is 3 && ok ttin_adds_a_worker || fail ttin_adds_a_worker
until_true 20 booted_is 0 3 || fail the_third_boots
kill -TTOU "$master"
until_true 20 worker_count_is 2 && ok ttou_takes_one_away || fail ttou_takes_one_away
before=$(workers)
kill -USR1 "$master"
until_true 30 workers_are_new "$before" 2 && ok usr1_replaces_the_workers_one_by_one || fail usr1_replaces_the_workers_one_by_one
until_true 20 booted_is 1 2 || fail the_new_ones_boot
mv "$run/puma.log" "$run/puma.log.1"
kill -HUP "$master"
until_true 20 [ -e "$run/puma.log" ] && ok hup_reopens_the_log || fail hup_reopens_the_log
before=$(workers)
kill -USR2 "$master"
until_true 30 workers_are_new "$before" 2 && ok usr2_restarts || fail usr2_restarts
until_true 20 booted_is 0 2 || fail usr2_restarted
is usr2_keeps_the_server "$(cat "$run/puma.pid")" "$server"
load_stop
counted=$(sample 'hellos_total{name="world"}')
# puma closes connections of a worker that leaves: each of four could lose a request of each of hey's four.
[ "$counted" -ge "$answered" ] && [ "$counted" -le $((answered + 16)) ] && ok every_answer_was_counted || fail "every_answer_was_counted: $counted of $answered"
is_replaced puma_replaces_a_killed_worker 2
watch_end signals
load_start "$url/hello/last"
ends term_is_graceful TERM 0
load_stop

# ---- by an ordinary user
ordinary_user
puma_start ordinary
is counted_without_an_option "$(sample 'hellos_total{name="me"}')" 1
ends int INT 0
