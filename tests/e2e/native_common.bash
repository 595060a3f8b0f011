# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/e2e/native_*.sh: wrap_common.bash, the installed library, and loads whose answers are counted.

. "$(dirname "$0")/wrap_common.bash"
here=$(dirname "$(realpath "$0")")
examples=$here/../../examples
unset PROMETHEUS_MULTIPROC_DIR prometheus_multiproc_dir
chmod 0711 "$dir" # workers of other users come through it

make -s -C "$here/../.." install BUILD="${1:-build}" DESTDIR="$dir/root" PREFIX=/opt/muster >"$dir/install.log" 2>&1 || fail install
export PKG_CONFIG_PATH=$dir/root/opt/muster/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dir/root
export LD_LIBRARY_PATH=$dir/root/opt/muster/lib
muster=$dir/root/opt/muster/bin/muster
port=$(free_port)
url=http://127.0.0.1:$port/

# load_begin HEY_OPTION..., load_wait: requests, one connection each; adds those answered with 200 to $answered.
load_begin() {
	hey -disable-keepalive "$@" "$url" >"$dir/hey" 2>&1 &
	load=$!
}
load_wait() {
	wait "$load"
	load=
	answered=$((answered + $(awk '/\[200\]/ { print $2 }' "$dir/hey")))
}
# The first that is there; one that is just leaving may be gone.
kill_one() { kill -KILL "$(workers | cut -d' ' -f1)"; }
sample_is() { [ "$(sample "$1")" = "$2" ]; }
