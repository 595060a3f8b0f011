#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --on-before-worker-start: nobody is started before the hook has ended well, who is to be replaced serves on meanwhile, and
# the master does not wait; what happens when the hook fails.
# shellcheck source=tests/e2e/wrap_common.bash
. "$(dirname "$0")/wrap_common.bash"
cat >"$dir/hook" <<'SH'
#!/bin/sh
dir=${0%/*}
echo "$MUSTER_WORKER_SLOT $MUSTER_WORKER_REASON ${MUSTER_WORKER_PID-none}" >>"$dir/hooks"
while [ -e "$dir/hold" ]; do sleep 0.02; done
[ ! -e "$dir/fail" ]
SH
chmod +x "$dir/hook"
workers() { pgrep -P "$master" -x sleep | sort | xargs; }
count_is() { [ "$(workers | wc -w)" -eq "$1" ]; }
hooked() { [ "$(grep -cx "$1" "$dir/hooks")" -eq "$2" ]; }
failures() { sample 'muster_hook_failures_total{hook="before_worker_start"}'; }

touch "$dir/hold"
start before run --workers 2 --metrics 127.0.0.1:0 --region "$dir/r" --on-before-worker-start "$dir/hook" -- sleep 1000
until_true 20 eval 'hooked "0 boot none" 1 && hooked "1 boot none" 1' && ok the_hook_is_told_slot_and_reason || fail "the_hook_is_told: $(cat "$dir/hooks")"
is nobody_starts_before_it_ends "$(workers) $(sample 'muster_worker_slots{state="running"}')" " 0"
rm "$dir/hold"
until_true 20 count_is 2 && ok then_they_start || fail then_they_start

before=$(workers)
touch "$dir/hold"
kill -HUP "$master"
until_true 20 hooked "0 reload none" 1 || fail reload_runs_the_hook
is the_old_ones_serve_on "$(workers)" "$before"
kill -HUP "$master" # it begins again when the hook has ended
kill -KILL "$(sample 'muster_worker_pid{worker="0"}')" # whose successor's hook runs
until_true 20 eval '[ "$(sample "muster_worker_exits_total{reason=\"SIGKILL\"}")" -eq 1 ]' && ok the_master_does_not_wait || fail the_master_does_not_wait
sleep 0.5 # a restart is due after 0.1 s: it is left to the hook that runs
rm "$dir/hold"
wait_logged 'reloaded: all 2 workers are new' 30
is one_hook_at_a_time "$(grep -c restart "$dir/hooks")" 0
is the_reload_replaces_all "$(workers | wc -w) $(comm -12 <(workers | xargs -n 1) <(xargs -n 1 <<<"$before") | wc -l)" "2 0"

before=$(workers)
touch "$dir/fail"
kill -HUP "$master"
wait_logged 'reload given up at worker 0: its hook failed; the old workers stay' 20
is a_failed_hook_gives_up_the_reload "$(workers) $(failures)" "$before 1"
restarts=$(sample muster_worker_restarts_total)
kill -KILL "${before%% *}"
wait_logged 'worker [01] cannot be started: its hook failed; next try in' 20
until_true 20 at_least 'muster_hook_failures_total{hook="before_worker_start"}' 2 && ok failures_are_counted || fail failures_are_counted
is nobody_is_started_then "$(workers | wc -w) $(sample muster_worker_restarts_total)" "1 $restarts"
rm "$dir/fail"
until_true 40 count_is 2 && ok it_is_tried_again || fail it_is_tried_again
is restarts_are_counted "$(sample muster_worker_restarts_total)" $((restarts + 1))

touch "$dir/hold"
kill -TTIN "$master"
until_true 20 hooked "2 scale none" 1 || fail one_more_runs_the_hook
kill -TTOU "$master"
wait_logged 'one worker less: 2' 10
rm "$dir/hold"
until_true 20 eval '! pgrep -P "$master" hook' || fail the_hook_ends
is who_is_not_wanted_any_more_is_not_started "$(workers | wc -w)" 2
touch "$dir/hold"
kill -TTIN "$master"
until_true 20 hooked "2 scale none" 2 || fail one_more_again
stop TERM
is stop_does_not_wait_for_it "$status" 0
until_true 10 eval '[ -z "$(workers_here)" ]' && ok nobody_is_left || fail nobody_is_left
is hooks_are_no_orphans "$("$muster" cat --region "$dir/r" | awk '$1 == "muster_orphans_reaped_total" { print $2 }')" 0
