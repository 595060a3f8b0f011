#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --restart-budget: a master whose workers keep dying ends with a status of its own; deaths that are few, that were asked for,
# or far apart, leave it alone; a new master of an upgrade that ends so is taken back.
# shellcheck source=tests/e2e/wrap_common.bash
. "$(dirname "$0")/wrap_common.bash"
run=(run --metrics 127.0.0.1:0 --region "$dir/r")
deaths() { "$muster" cat --region "$dir/r" | awk '$1 == "muster_worker_exits_total{reason=\"exit_nonzero\"}" { print $2 }'; }

start spent "${run[@]}" --workers 1 --restart-budget 3/60 -- sh -c 'exit 7'
until_true 20 logged 'stopped' || fail spent_ends
reap
is spent.status "$status" 70
logged 'error: more than 3 workers died within 60 s: stopping, with status 70' && ok spent.is_logged || fail spent.is_logged
is spent.not_before "$(deaths)" 4

start drained "${run[@]}" --workers 1 --restart-budget 1/60 --drain 60 -- sh -c 'exit 7'
wait_logged 'serving the final numbers' 20
scrape >/dev/null
reap
is drained.status "$status" 70
is drained.once "$(grep -c 'serving the final numbers' "$log")" 1

printf '#!/bin/sh\nexec sleep 1000\n' >"$dir/worker"
chmod +x "$dir/worker"
start missing "${run[@]}" --workers 2 --restart-budget 2/60 -- "$dir/worker"
mv "$dir/worker" "$dir/aside"
kill -KILL "$(workers_of "$master" | head -n 1)"
until_true 20 logged 'stopped' || fail missing_ends
reap
is a_worker_that_cannot_start_counts "$status" 70
is the_others_are_ended "$(workers_here)" ""
mv "$dir/aside" "$dir/worker"

start told "${run[@]}" --workers 2 --restart-budget 1/60 -- "$dir/worker"
kill -HUP "$master"
wait_logged 'reloaded: all 2 workers are new' 20
kill -TTOU "$master"
until_true 20 worker_count 1 || fail one_less
kill -KILL "$(workers_of "$master")" # one is in the budget
until_true 20 at_least muster_worker_restarts_total 1 && ok what_was_asked_for_does_not_count || fail what_was_asked_for_does_not_count

until_true 20 eval '[ "$(ps -o comm= -p "$(workers_of "$master")")" = sleep ]' || fail "its shell has read the program"

# The new master's workers die, and with it; the old one's do not.
printf '#!/bin/sh\nexit 7\n' >"$dir/worker.new"
chmod +x "$dir/worker.new"
mv "$dir/worker.new" "$dir/worker"
kill -USR2 "$master"
wait_logged 'upgrade (failed|taken back): the new master \(pid [0-9]+\) exited with status 70' 20
until_true 20 worker_count 1 && ok a_new_master_that_ends_so_is_taken_back || fail a_new_master_that_ends_so_is_taken_back
stop TERM
is told.status "$status" 0

start apart "${run[@]}" --workers 1 --restart-budget 2/1 -- sh -c 'sleep 0.6; exit 7'
wait_logged 'the 4. time in a row' 30
worker_count 1 || until_true 10 worker_count 1 && ok deaths_far_apart_do_not_count || fail deaths_far_apart_do_not_count
stop TERM
is apart.status "$status" 0

refused() {
	exit_of "$muster" "${run[@]}" --workers 1 --restart-budget "$2" -- true
	is "$1.status" "$status" 64
	has "$1.text" "$err" "--restart-budget $2: must be N/SECONDS, such as 10/60: 1 to 10000 deaths, 1 to 86400 seconds"
}
refused no_time 5
refused no_number /60
refused zero 0/60
refused short 5/0.5
refused more 5/60/2
refused nan 5/nan
