#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The demo script prints what it promises, ends with 0 by time, by Ctrl-C and by TERM, and leaves nothing behind.
. "$(dirname "$0")/demo_common.bash"

# Own session, so that all of its processes can be found and signalled; INT as a terminal's shell leaves it.
demo_start() { # NAME ENVIRONMENT...
	name=$1
	shift
	env --default-signal=INT "$@" setsid "$demo/demo" "$build" >"$dir/$name.out" 2>"$dir/$name.log" &
	script=$!
	masters+=("$script")
}
says() { grep -q "$1" "$dir/$name.out"; }
nobody_left() { [ -z "$(pgrep -s "$script")" ]; }

demo_end() {
	status=0
	wait "$script" || status=$?
	is "$name.exit_status" "$status" 0
	nobody_left && ok "$name.no_process_is_left" || fail "$name.no_process_is_left"
	region=$(sed -n 's/^region:  //p' "$dir/$name.out")
	[ -n "$region" ] && [ ! -e "$(dirname "$region")" ] && ok "$name.no_file_is_left" || fail "$name.no_file_is_left"
	sed -n 's/^the load: //p' "$dir/$name.out" >"$dir/summary"
	is "$name.load_was_answered" "$(summary "$dir/summary" 's["answered"] > 0')" True
	is "$name.stderr_is_empty" "$(cat "$dir/$name.log")" ""
}

demo_start timed DEMO_SECONDS=5
demo_end
for line in '^service: http://127' '^metrics: http://127.*/metrics' '^a first scrape' '^order_mgmt_in_progress ' \
	'^order_mgmt_duration_seconds_count{.*"/complex".*"200"} [1-9]' '^kill -KILL [1-9]' '^no total fell' \
	'^muster_worker_exits_total{reason="SIGKILL"} 1$'; do
	says "$line" && ok "timed.says $line" || fail "timed.says $line"
done

demo_start interrupted
until_true 30 says '^running; Ctrl-C ends it' || fail interrupted.runs
kill -INT -- "-$script"
demo_end

demo_start terminated
until_true 30 says '^running; Ctrl-C ends it' || fail terminated.runs
kill -TERM "$script"
demo_end
