#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The seed corpus: it is what its maker makes, and each harness bears all of it, plain and under sanitizers.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
status=0
ok() { echo "ok $1"; }
bad() {
	echo "not ok $1" >&2
	status=1
}

"$build/fuzz/make_corpus" "$made"
if diff -rq -x README.md "$made" tests/corpus; then
	ok corpus_is_what_its_maker_makes
else
	bad "corpus_is_what_its_maker_makes: run $build/fuzz/make_corpus tests/corpus and look at the difference"
fi
[ "$(du -sb tests/corpus | cut -f1)" -lt 300000 ] && ok corpus_is_small || bad corpus_is_small
for dir in "$build/fuzz" "$build/asan/fuzz"; do
	for name in slab ledger http exposition import web; do
		if tests/fuzz/run replay "$dir" - - "$name" >"$made/log" 2>&1; then
			ok "$dir/$name"
		else
			tail -n 40 "$made/log" >&2
			bad "$dir/$name"
		fi
	done
done
exit "$status"
