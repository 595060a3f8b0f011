#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# muster_prefork() with a function for a worker: descriptors, signals, buffers and values over the fork.
. "$(dirname "$0")/master_common.bash"
build=$(dirname "$muster")
root=$(realpath "$(dirname "$0")/../..")
# shellcheck disable=SC2207 # words they are
libs=($(sed -n 's/^Libs: .*-lmuster //p' "$root/muster-master.pc.in"))
flags=()
[ "$(nm "$build/libmuster.a" 2>/dev/null | grep -c __asan_init)" -eq 0 ] ||
	flags=(-fsanitize=address,undefined) libs=("${libs[@]/-ljemalloc/}")
gcc -std=gnu11 -O1 -g -Wall -D_GNU_SOURCE -I"$root/include" -o "$dir/callback" "$root/tests/e2e/master_callback.c" \
	"$build/libmuster-master.a" "$build/libmuster.a" ${flags[@]+"${flags[@]}"} ${libs[@]} -lpthread
muster=$dir/callback

start callback "$dir/r"
out=$dir/stdout
until_true 10 sh -c "[ \$(grep -c ^slot '$out') -eq 2 ]" || fail workers_report
has context_and_region "$(cat "$out")" "slot 0 ctx hello region $dir/r"
is callers_file_stays_open "$(grep -c '^fd before /dev/null' "$out")" 2
is listener_stays_open "$(grep -c '^fd listener socket:' "$out")" 2
is no_socket_of_the_master "$(grep -c '^fd other socket:' "$out")" 0
is no_epoll_of_the_master "$(grep -c '^fd other anon_inode' "$out")" 0
is no_region_file_of_the_master "$(grep -c "^fd other $dir/r" "$out")" 0
is signals_are_default "$(grep -c '^blocked 0 handled 0' "$out")" 2
scrapes=$(sample callback_scrapes)
is collectors_run_at_each_scrape "$(sample callback_scrapes)" $((scrapes + 1))
is callers_values_are_exported "$(sample callback_calls_total)" 102
has log_has_the_name "$(cat "$log")" "callback: info: 2 workers started"

kill -KILL "$(workers_of "$master" | head -1)"
until_true 5 at_least muster_worker_restarts_total 1 || fail worker_is_replaced
until_true 5 at_least callback_calls_total 103 || fail replacement_records
is nothing_lost_by_a_kill "$(sample callback_calls_total)" 103
stop TERM
is returns_0 "$status" 0
is buffer_is_written_once "$(grep -c '^written once' "$out")" 1
is call_returns_once "$(grep -c '^status 0' "$out")" 1

# USR2: the program is started again; what is handed over stays the masters'.
start upgraded "$dir/u"
until_true 10 sh -c "[ \$(grep -c ^slot '$out') -eq 2 ]" || fail workers_report_again
kill -USR2 "$master"
wait_logged 'the new master \(pid [0-9]+\) is ready' 20
next=$(sed -n 's/.*the new master (pid \([0-9]*\)) is ready.*/\1/p' "$log")
masters+=("$next")
until_true 10 sh -c "[ \$(grep -c ^slot '$out') -eq 4 ]" || fail new_workers_report
is upgraded.listener_stays_open "$(grep -c '^fd listener socket:' "$out")" 4
is upgraded.nothing_of_the_master "$(grep -cE "^fd other (socket:|anon_inode|/memfd:|$dir/u)" "$out")" 0
is upgraded.signals_are_default "$(grep -c '^blocked 0 handled 0' "$out")" 4
stop TERM
is upgraded.returns_0 "$status" 0
wait_logged 'upgrade completed' 20
is upgraded.counts_of_both "$(sample callback_calls_total)" 204
kill -TERM "$next"
until_true 20 sh -c "[ \$(grep -c '^status 0' '$out') -eq 2 ]" && ok upgraded.both_calls_return || fail upgraded.both_calls_return

start switched_off "$dir/o" no_upgrade
kill -USR2 "$master"
wait_logged 'no upgrade: this program has switched it off' 10
is switched_off.is_counted "$(sample 'muster_upgrades_total{result="refused"}')" 1
stop TERM
muster=$build/muster
start serve serve --region "$dir/o" --metrics 127.0.0.1:0
kill -USR2 "$master"
wait_logged 'no upgrade: there are no workers of its own to serve meanwhile' 10
stop TERM
is serve.status "$status" 0
