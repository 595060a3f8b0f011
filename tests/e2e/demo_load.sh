#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# order_load: its summary is what the service counted, its bounds hold, and it refuses what it should by name.
. "$(dirname "$0")/demo_common.bash"
statuses='"\n".join(f"{k} {v}" for k, v in s["status"].items())'

refuses() { # NAME STATUS TEXT ARGUMENT...
	local name=$1 want=$2 text=$3
	shift 3
	exit_of "$order_load" "$@"
	is "refuses_$name.status" "$status" "$want"
	has "refuses_$name.text" "$err" "$text"
}

# ---- the summary
for loop in auto epoll; do
	serve "load_$loop" --workers 2
	"$order_load" --target "$listen" --loop "$loop" --requests 600 --rate 2000 --seconds 120 --seed 7 >"$dir/$loop"
	is "$loop.all_are_answered" "$(summary "$dir/$loop" 's["sent"], s["answered"], s["broken"], s["refused"]')" "(600, 600, 0, 0)"
	is "$loop.statuses_are_what_was_counted" "$(summary "$dir/$loop" "$statuses")" "$(answered_by_status)"
	is "$loop.every_kind_of_answer" "$(answered_by_status | cut -d' ' -f1 | xargs)" "200 400 401 404 500"
	is "$loop.one_line" "$(wc -l <"$dir/$loop")" 1
	is "$loop.quantiles_are_in_order" "$(summary "$dir/$loop" '0 < s["p50_ms"] <= s["p99_ms"]')" True
	is "$loop.connections_are_bounded" "$(summary "$dir/$loop" 's["connects"]')" 8
	is "$loop.nothing_in_progress" "$(sample order_mgmt_in_progress)" 0
done
is seed_repeats_the_calls "$(summary "$dir/auto" "$statuses")" "$(summary "$dir/epoll" "$statuses")"

# ---- bounds
"$order_load" --target "$listen" --rate 50 --seconds 2 >"$dir/bounded"
is rate_and_time_are_bounded "$(summary "$dir/bounded" '0 < s["sent"] <= 101 and s["seconds"] >= 2')" True

# ---- the service goes away: the load goes on without, to its end
"$order_load" --target "$listen" --rate 200 --requests 400 --seconds 120 >"$dir/alone" 2>"$dir/alone.log" &
load=$!
masters+=("$load") # ended with them if this test fails
before=$(answered_total)
until_true 20 eval '[ "$(answered_total)" -gt "$before" ]' || fail load_arrives
stop TERM
status=0
wait "$load" || status=$?
is alone.exit_status "$status" 0
is alone.every_request_has_an_end "$(summary "$dir/alone" '400 == s["sent"] == s["answered"] + s["broken"] + s["refused"]')" True
is alone.refused_are_counted "$(summary "$dir/alone" 's["refused"] > 0')" True

# ---- refusals
refuses absent_service 69 "$listen: Connection refused; start order_mgmt there" --target "$listen"
refuses other_machine 64 "--target 192.0.2.1:80: is not loopback" --target 192.0.2.1:80
refuses other_machine_v6 64 "--target [2001:db8::1]:80: is not loopback" --target "[2001:db8::1]:80"
refuses any_address 64 "--target 0.0.0.0:80: is not loopback" --target 0.0.0.0:80
refuses mapped_address 64 "is not loopback" --target "[::ffff:192.0.2.1]:80"
refuses name 64 "--target localhost.example:80: must be localhost:PORT" --target localhost.example:80
refuses no_port 64 "--target 127.0.0.1: must be localhost:PORT" --target 127.0.0.1
refuses port_0 64 "--target 127.0.0.1:0: must end in :PORT, a number from 1 to 65535" --target 127.0.0.1:0
refuses port_65536 64 "must end in :PORT" --target 127.0.0.1:65536
refuses rate_0 64 "--rate 0: must be a number from 1 to 100000" --rate 0
refuses rate_no_number 64 "--rate fast: must be a number from 1 to 100000" --rate fast
refuses seconds_too_long 64 "--seconds 86401: must be a number from 1 to 86400" --seconds 86401
refuses requests_negative 64 "--requests -1: must be a number from 1 to 1000000000" --requests -1
refuses connections_too_many 64 "--connections 1001: must be a number from 1 to 1000" --connections 1001
refuses seed_beyond_64_bits 64 "--seed 18446744073709551616: must be a number from 0" --seed 18446744073709551616
refuses loop 64 "--loop kqueue: must be auto, uring or epoll" --loop kqueue
refuses unknown_option 64 "unrecognized option '--fast'" --fast
refuses argument 64 "argument now: none is expected" now
