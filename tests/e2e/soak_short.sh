#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kill-loop with an oracle, for a short while; `make soak SECONDS=n` runs it as long as one likes.
set -euo pipefail
build=${1:-build}
seed=$(date +%s%N)
echo "# seed $seed"
if "$build/soak" "$build/muster" 15 "$seed" 2>&1; then echo "ok soak"; else
	echo "not ok soak: seed $seed"
	exit 1
fi
