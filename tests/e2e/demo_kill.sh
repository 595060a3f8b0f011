#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Workers are SIGKILLed under load: every answered request is counted, at most the broken ones besides, and
# nothing decreases.
. "$(dirname "$0")/demo_common.bash"
kills=5

serve kill --workers 4
"$order_load" --target "$listen" --rate 1000 --seconds 120 --connections 16 >"$dir/summary" 2>"$dir/load.log" &
load=$!
masters+=("$load") # ended with them if this test fails
until_true 20 eval '[ "$(answered_total)" -gt 100 ]' || fail load_arrives
scrape >"$dir/before"
for kill in $(seq $kills); do
	kill -KILL "$(workers_of "$master" | shuf -n 1)"
	until_true 20 at_least muster_worker_restarts_total "$kill" || fail worker_is_restarted
	scrape >"$dir/after"
	"$demo/check_totals" "$dir/before" "$dir/after" || fail nothing_decreases
	mv "$dir/after" "$dir/before"
done
ok nothing_decreases
kill -TERM "$load"
status=0
wait "$load" || status=$?
is load_ends_by_term "$status" 0

total=$(answered_total)
echo "# counted $total; $(cat "$dir/summary")"
is every_request_has_an_end "$(summary "$dir/summary" 's["sent"] == s["answered"] + s["broken"] + s["refused"]')" True
is answered_are_all_counted "$(summary "$dir/summary" "s['answered'] <= $total")" True
is no_more_than_broken_besides "$(summary "$dir/summary" "$total <= s['answered'] + s['broken']")" True
is broken_are_at_most_in_flight "$(summary "$dir/summary" "s['broken'] <= $kills * 16")" True
is broken_connections_are_replaced "$(summary "$dir/summary" 's["connects"] > 16')" True
is kills_are_counted "$(sample 'muster_worker_exits_total{reason="SIGKILL"}')" $kills
is nothing_in_progress "$(sample order_mgmt_in_progress)" 0
stop TERM
is service_stops "$status" 0
