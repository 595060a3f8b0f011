#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Thousands of workers born and dead under a real master that is scraped meanwhile: exact totals, nothing ever
# decreases, and what stays of the dead is no file, no descriptor and next to no memory.
set -euo pipefail
build=${1:-build}

fail() {
	echo "not ok $1"
	exit 1
}
# $1: a field of the JSON line $2.
field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" <<<"$2"; }
# $1: name, $2: at most, $3: value
at_most() { awk -v v="$3" -v m="$2" 'BEGIN { exit !(v <= m) }' && echo "ok $1" || fail "$1: $3, at most $2"; }

for way in exit kill mixed; do
	out=$("$build/bench/churn" 10000 "$way" 2>/dev/null)
	first=$(sed -n 1p <<<"$out") last=$(sed -n 2p <<<"$out")
	[ "$(field dead_workers "$last")" = 10000 ] || fail "$way: $out"
	[ "$(field counted "$last")" = 10000 ] && echo "ok $way.counts_are_exact" || fail "$way counts: $last"
	[ "$(field observed "$last")" = 10000 ] && echo "ok $way.observations_are_exact" || fail "$way observes: $last"
	[ "$(field decreased "$last")" = 0 ] && echo "ok $way.nothing_decreases" || fail "$way decreases: $last"
	[ "$(field scrapes "$last")" -ge 3 ] && echo "ok $way.is_scraped_meanwhile" || fail "$way scrapes: $last"
	# One or two more: a connection that is just being closed.
	at_most "$way.no_descriptor_stays" $(($(field master_fds "$first") + 4)) "$(field master_fds "$last")"
	at_most "$way.no_file_stays" "$(field region_files "$first")" "$(field region_files "$last")"
	# What a crash loop may take: the identities of the last batch are listed until the next fold.
	at_most "$way.region_stays_small" 2000000 "$(field region_bytes "$last")"
	at_most "$way.memory_stays" $(($(field master_rss_kib "$first") + 20000)) "$(field master_rss_kib "$last")"
	at_most "$way.no_scrape_starves" 5000 "$(field slowest_scrape_ms "$last")"
done
