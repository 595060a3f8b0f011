#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The demo stops gracefully, and falls back to epoll where io_uring is refused.
. "$(dirname "$0")/demo_common.bash"

workers_are_gone() {
	local pid
	for pid in $1; do
		[ ! -e "/proc/$pid" ] || return 1
	done
}

# ---- TERM while a request is worked on, on each loop there is
for loop in auto epoll; do
	serve "$loop" --loop "$loop" --workers 3
	curl -s -o /dev/null -w '%{http_code}' "http://$listen/complex?db_sleep=2&srv_sleep=1" >"$dir/in_flight" &
	request=$!
	until_true 10 at_least order_mgmt_in_progress 1 || fail "$loop.in_flight"
	workers=$(workers_of "$master")
	is "$loop.workers_run" "$(wc -w <<<"$workers")" 3
	stop TERM
	is "$loop.exit_status" "$status" 0
	logged "killing them" && fail "$loop.none_is_killed" || ok "$loop.none_is_killed"
	wait "$request" || true
	is "$loop.in_flight_is_answered" "$(cat "$dir/in_flight")" 200
	workers_are_gone "$workers" && ok "$loop.no_worker_is_left" || fail "$loop.no_worker_is_left"
	is "$loop.no_client_is_accepted" "$(code "http://$listen/hello" || true)" 000
done

# ---- io_uring is refused. -D: the tracer is the descendant, so that the service stays our child.
cat >"$dir/refused" <<SH
#!/bin/sh
exec strace -D -f -o "$dir/trace" -e trace=io_uring_setup -e inject=io_uring_setup:error=EPERM "$muster" "\$@"
SH
chmod +x "$dir/refused"
muster=$dir/refused
serve fallback --loop auto --workers 2
until_true 10 sh -c "[ \$(grep -c 'serves with epoll, io_uring is refused: Operation not permitted' '$log') -eq 2 ]" ||
	fail fallback.is_announced
ok fallback.is_announced
is fallback.serves "$(curl -sS "http://$listen/complex?db_sleep=0.01")" "order accepted"
is fallback.counts "$(answered_total)" 1
stop TERM
is fallback.stops "$status" 0
exit_of "$muster" --loop uring --listen 127.0.0.1:0 --metrics none --region "$dir/insists"
is insisting_on_uring_is_refused "$status" 69
has refusal_names_option_and_remedy "$err" "--loop uring: Operation not permitted; try --loop auto"
