#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --heartbeat-timeout: a worker that stops beating is aborted and replaced; one that never beats, and one that is stopped
# by a signal, are left alone.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
worker_compile signals_heartbeat.c
ulimit -c 0

start beat run --workers 3 --heartbeat-timeout 2 --metrics 127.0.0.1:0 --region "$dir/r" -- "$dir/worker" "$dir"
until_true 20 sh -c "[ -s '$dir/hangs' ] && [ -s '$dir/silent' ] && [ -s '$dir/steady' ]" || fail workers_have_their_roles
read -r hangs <"$dir/hangs"
read -r silent <"$dir/silent"
read -r steady <"$dir/steady"
kill -STOP "$steady"
stopped=$SECONDS
wait_logged "worker [0-9] \(pid $hangs\) has had no heartbeat for 2 s: aborting it" 60
wait_logged "worker [0-9] \(pid $hangs\) .*SIGABRT.*as told \(heartbeat\)" 20
until_true 20 at_least 'muster_worker_recycles_total{reason="heartbeat"}' 1 || fail is_counted
ok a_hanging_worker_is_aborted
until_true 20 sh -c "[ \"\$(pgrep -P $master | wc -l)\" -eq 3 ]" || fail is_replaced
ok it_is_replaced
while [ $((SECONDS - stopped)) -lt 6 ]; do sleep 0.2; done # as long as a silence that is not forgiven
is only_that_one "$(grep -c 'has had no heartbeat' "$log")" 1
kill -0 "$steady" && ok a_stopped_worker_is_left_alone || fail a_stopped_worker_is_left_alone
kill -CONT "$steady"
kill -0 "$silent" && ok who_never_beats_is_not_watched || fail who_never_beats_is_not_watched
stop TERM
is stops "$status" 0
exit_of "$muster" run --heartbeat-timeout 2 -- true
has needs_workers "$err" "--heartbeat-timeout: is for workers of muster's own"
