#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every endpoint of the demo answers as it should, and its metrics change by exactly what was sent, on both loops.
. "$(dirname "$0")/demo_common.bash"

answer_is() { # NAME STATUS CURL_ARGUMENT...
	local name=$1 status=$2
	shift 2
	is "$loop.$name" "$(code "$@")" "$status"
}

check_answers() {
	local at=http://$listen
	is "$loop.hello" "$(curl -sS "$at/hello") $(curl -sS "$at/hello")" "hello hello"
	is "$loop.world" "$(curl -sS "$at/world")" world
	is "$loop.complex" "$(curl -sS "$at/complex")" "order accepted"
	answer_is head 200 -I "$at/hello"
	answer_is no_errors 200 "$at/complex?is_srv_error=false&is_db_error=0&db_sleep=0.001&srv_sleep=.001"
	answer_is database_error 500 "$at/complex?is_db_error=true"
	answer_is service_error 500 "$at/complex?is_srv_error=1"
	answer_is both_errors_end_at_the_database 500 "$at/complex?is_srv_error=true&is_db_error=true"
	answer_is bad_flag 400 "$at/complex?is_db_error=maybe"
	answer_is sleep_too_long 400 "$at/complex?db_sleep=10.1"
	answer_is unknown_parameter 400 "$at/complex?sleep=1"
	answer_is unknown_path 404 "$at/nowhere"
	answer_is wrong_method 405 -X POST "$at/hello"
	answer_is unknown_method 501 -X BREW "$at/hello"
	answer_is good_credentials 200 -u demo:roll-call "$at/hello"
	answer_is wrong_credentials 401 -u demo:wrong "$at/hello"
	answer_is wrong_user 401 -u root:roll-call "$at/world"
	answer_is malformed_credentials 400 -H 'Authorization: Basic ?' "$at/hello"
}

expected='auth_errors_total 1
auth_wrong_creds_total 2
order_mgmt_audit_duration_seconds_count{status_code="200"} 2
order_mgmt_audit_duration_seconds_count{status_code="500"} 1
order_mgmt_database_duration_seconds_count{sql_state="00000",status_code="200"} 3
order_mgmt_database_duration_seconds_count{sql_state="40001",status_code="500"} 2
order_mgmt_duration_seconds_count{method="GET",path="/complex",status_code="200"} 2
order_mgmt_duration_seconds_count{method="GET",path="/complex",status_code="400"} 3
order_mgmt_duration_seconds_count{method="GET",path="/complex",status_code="500"} 3
order_mgmt_duration_seconds_count{method="GET",path="/hello",status_code="200"} 3
order_mgmt_duration_seconds_count{method="GET",path="/hello",status_code="400"} 1
order_mgmt_duration_seconds_count{method="GET",path="/hello",status_code="401"} 1
order_mgmt_duration_seconds_count{method="GET",path="/world",status_code="200"} 1
order_mgmt_duration_seconds_count{method="GET",path="/world",status_code="401"} 1
order_mgmt_duration_seconds_count{method="GET",path="other",status_code="404"} 1
order_mgmt_duration_seconds_count{method="HEAD",path="/hello",status_code="200"} 1
order_mgmt_duration_seconds_count{method="POST",path="/hello",status_code="405"} 1
order_mgmt_duration_seconds_count{method="other",path="other",status_code="501"} 1'

# An order whose database takes 3 s is in progress meanwhile, and in no bucket below.
check_sleeper() {
	local fast='order_mgmt_database_duration_seconds_bucket{sql_state="00000",status_code="200",le="2.5"}' before
	before=$(sample "$fast")
	code "http://$listen/complex?db_sleep=3" >"$dir/sleeper" &
	local sleeper=$!
	until_true 10 at_least order_mgmt_in_progress 1 || fail "$loop.in_progress"
	ok "$loop.in_progress"
	wait "$sleeper" || true
	is "$loop.sleeper_is_answered" "$(cat "$dir/sleeper")" 200
	is "$loop.nothing_in_progress" "$(sample order_mgmt_in_progress)" 0
	is "$loop.sleeper_took_its_time" "$(sample "$fast")" "$before"
	is "$loop.sleeper_is_counted" \
		"$(sample 'order_mgmt_database_duration_seconds_count{sql_state="00000",status_code="200"}')" $((before + 1))
}

# The workers are stopped until connection and request are both there, and then find them together. The order is
# due long before the idle connection's own deadline (15 s), which must not be what the loop waits for.
check_request_with_connection() {
	local line=
	# shellcheck disable=SC2046 # words are wanted
	kill -STOP $(workers_of "$master")
	exec 3<>"/dev/tcp/${listen%:*}/${listen##*:}"
	printf 'GET /complex?db_sleep=0.001 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3
	# shellcheck disable=SC2046
	kill -CONT $(workers_of "$master")
	read -r -t 10 line <&3 || true
	exec 3>&-
	is "$loop.request_with_its_connection" "${line%$'\r'}" "HTTP/1.1 200 OK"
}

check_loop() {
	loop=$1
	serve "$loop" --loop "$loop" --workers 2
	until_true 10 sh -c "[ \$(grep -c 'serves with $2\$' '$log') -eq 2 ]" || fail "$loop.is_announced"
	is "$loop.nothing_is_counted_at_first" "$(counts)" ""
	check_answers
	is "$loop.counts_are_exact" "$(counts)" "$expected"
	check_sleeper
	check_request_with_connection
	stop TERM
	is "$loop.stops" "$status" 0
}

check_loop epoll epoll
exit_of "$muster" --loop uring --listen no-address --region "$dir/probe"
if [ "$status" -eq 69 ]; then
	echo "# no uring.* here: $err"
else
	check_loop uring io_uring
fi
