#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every page, method and limit of the master's HTTP server, over TCP and over a socket file.
. "$(dirname "$0")/master_common.bash"

start http run --workers 1 --metrics 127.0.0.1:0 --region "$dir/r" --name web -- sleep 1000
wait_logged "1 workers started" 5
url=http://$address

is get_metrics "$(code "$url/metrics")" 200
has metrics_content_type "$(curl -si "$url/metrics")" "Content-Type: text/plain; version=0.0.4; charset=utf-8"
is query_is_ignored "$(code "$url/metrics?name[]=up")" 200
is healthy "$(curl -fsS "$url/-/healthy")" healthy
is ready "$(curl -fsS "$url/-/ready")" ready
has landing_page_names_service "$(curl -fsS "$url/")" "<h1>web</h1>"
has landing_page_lists_worker "$(curl -fsS "$url/")" "<td>$(workers_of "$master")<td>"
is unknown_path "$(code "$url/nope")" 404
is double_slash "$(code "$url//metrics")" 404
is path_trick "$(code "$url/metrics/../metrics")" 404
is post "$(code -d x "$url/metrics")" 405
has post_is_told_allow "$(curl -si -X DELETE "$url/metrics")" "Allow: GET, HEAD"
is get_with_body "$(code -X GET -d x "$url/metrics")" 400
is get_with_chunks "$(code -X GET -H 'Transfer-Encoding: chunked' -d x "$url/metrics")" 400
is long_url "$(code "$url/$(printf '%05000d' 0)")" 414
is long_header "$(code -H "X: $(printf '%060000d' 0)" "$url/metrics")" 431
headers=()
for i in $(seq 120); do headers+=(-H "X-$i: 1"); done
is many_headers "$(code "${headers[@]}" "$url/metrics")" 431
is keep_alive "$(curl -s -o /dev/null -o /dev/null -w '%{num_connects}' "$url/metrics" "$url/")" 10
is close_is_heeded "$(curl -s -H 'Connection: close' -o /dev/null -o /dev/null -w '%{num_connects}' "$url/" "$url/")" 11

length=$(curl -sI "$url/metrics" | tr -d '\r' | awk '/^Content-Length/ { print $2 }')
[ "$length" -gt 0 ] && ok head_has_length || fail head_has_length
is head_has_no_body "$(curl -sI "$url/-/ready" | tail -c 2 | od -An -c | tr -d ' ')" '\r\n'

stop TERM
is clean_stop "$status" 0
start socket run --workers 1 --metrics "unix:$dir/metrics.sock" --region "$dir/r" -- sleep 1000
is scrape_over_socket_file "$(code --unix-socket "$dir/metrics.sock" http://muster/metrics)" 200
kill -KILL "$master" && reap
start socket2 run --workers 1 --metrics "unix:$dir/metrics.sock" --region "$dir/r" -- sleep 1000
is stale_socket_file_is_replaced "$(code --unix-socket "$dir/metrics.sock" http://muster/metrics)" 200
exit_of "$muster" serve --metrics "unix:$dir/metrics.sock" --region "$dir/r2"
is live_socket_file_is_refused "$status" 69
stop TERM
[ ! -e "$dir/metrics.sock" ] && ok socket_file_is_gone || fail socket_file_is_gone
