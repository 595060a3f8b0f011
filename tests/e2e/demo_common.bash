# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/e2e/demo_*.sh: master_common.bash with the demo service for a master.

. "$(dirname "$0")/master_common.bash"
build=$(dirname "$muster")
demo=$(realpath "$(dirname "$0")/../../examples/order_mgmt")
muster=$build/order_mgmt
order_load=$build/order_load

# The service's workers do not exec, so only their parent tells that they are ours. A stopped master starts
# no new ones.
finish_service() {
	local status=$? pid
	for pid in ${masters[@]+"${masters[@]}"}; do
		kill -STOP "$pid" 2>/dev/null && pkill -KILL -P "$pid" || true
	done
	(exit "$status") || true
	return "$status"
}
trap 'finish_service || { finish; exit 1; }; finish' EXIT

# serve NAME OPTION...: the service with its own region; sets $listen besides what start() sets.
serve() {
	local name=$1
	shift
	start "$name" --listen 127.0.0.1:0 --metrics 127.0.0.1:0 --region "$dir/$name" "$@"
	listen=$(sed -n 's|.*listening on ||p' "$log" | head -n 1)
	until_true 10 answers || fail "$name: the service answers"
}
# HTTP/1.0 to no path of ours would count; a connection alone does not.
answers() { (exec 3<>"/dev/tcp/${listen%:*}/${listen##*:}") && logged 'serves with'; }

# Every count and counter of the service that is not 0, sorted.
counts() { scrape | grep -E '^(order_mgmt_[a-z_]*_count|auth_[a-z_]*_total)[{ ]' | grep -v ' 0$' | sort; }
answered_total() { scrape | awk '/^order_mgmt_duration_seconds_count/ { sum += $2 } END { print sum + 0 }'; }
answered_by_status() {
	scrape | sed -n 's/^order_mgmt_duration_seconds_count.*status_code="\([0-9]*\)".* \([0-9]*\)$/\1 \2/p' |
		awk '{ sum[$1] += $2 } END { for (status in sum) print status, sum[status] }' | sort
}

# summary FILE EXPRESSION: of a summary of order_load, s.
summary() { /usr/bin/python3 -c 'import json, sys; s = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"; }
