#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --max-requests: workers that tell their requests are replaced after so many and some more, under load, and every request
# is answered and counted; workers that do not tell are not, and that is logged.
# shellcheck source=tests/e2e/wrap_common.bash
. "$(dirname "$0")/wrap_common.bash"
here=$(dirname "$(realpath "$0")")
build=$(dirname "$muster")
gcc -std=gnu11 -O1 -I"$here/../../include" "$here/requests_worker.c" "$build/libmuster.a" -lpthread -o "$dir/worker"
cat >"$dir/hook" <<'SH'
#!/bin/sh
echo "$MUSTER_WORKER_REASON" >>"${0%/*}/reasons"
SH
chmod +x "$dir/hook"
recycled() { sample 'muster_worker_recycles_total{reason="requests"}'; }
recycled_often() { [ "$(recycled)" -ge "$1" ]; }
ended() { wc -l <"$dir/counts"; }

start tells run --workers 2 --metrics 127.0.0.1:0 --region "$dir/r" --listen 127.0.0.1:0 --max-requests 150 \
	--max-requests-jitter 50 --on-worker-exit "$dir/hook" -- "$dir/worker" "$dir/counts"
load_start "http://$(sed -n 's|.*listening on ||p' "$log")/"
watch_start
until_true 60 recycled_often 4 && ok workers_are_replaced || fail workers_are_replaced
load_end requests
watch_end requests
is it_is_no_restart "$(sample muster_worker_restarts_total)" 0
recycles=$(recycled)
until_true 20 eval '[ "$(ended)" -eq "$recycles" ]' || fail replaced_workers_end
is none_is_replaced_before_its_time "$(awk '$1 < 150' "$dir/counts")" ""
is the_hook_is_told_why "$(sort "$dir/reasons" | uniq -c | xargs)" "$recycles requests"
stop TERM
is all_end "$status $(ended)" "0 $((recycles + 2))"
is every_request_is_counted_once "$("$muster" cat --region "$dir/r" | awk '$1 == "muster_requests_total" { print $2 }')" \
	"$(awk '{ sum += $1 } END { print sum }' "$dir/counts")"

start silent run --workers 1 --metrics 127.0.0.1:0 --region "$dir/s" --listen 127.0.0.1:0 --max-requests 1 -- \
	"$dir/worker" "$dir/silent" silent
curl -fsS "http://$(sed -n 's|.*listening on ||p' "$log")/" >/dev/null
wait_logged 'no worker has told of a request yet' 30 && ok silence_is_logged
sleep 1.5 # another round: it may not be logged again
is nobody_is_replaced "$(recycled)" 0
stop TERM
is it_is_logged_once "$(grep -c 'has told of a request' "$log")" 1

refused() {
	exit_of "$muster" run --workers 1 --metrics none --region "$dir/x" "${@:3}" -- true
	is "$1.status" "$status" 64
	has "$1.text" "$err" "$2"
}
refused zero "--max-requests 0: must be a number from 1 to 1000000000" --max-requests 0
refused no_number "--max-requests 1k: must be a number from 1 to 1000000000" --max-requests 1k
refused jitter_alone "--max-requests-jitter: adds to --max-requests; give that too, or leave this out" --max-requests-jitter 5
exit_of "$muster" run --metrics none --region "$dir/x" --max-requests 5 -- true
has wrapped.text "$err" "--max-requests: is for workers of muster's own; add --workers N, or leave it out"
