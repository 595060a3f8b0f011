#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The installed library, as its users link it: pkg-config, shared and static, C11 and C++17, loaded and unloaded.
# shellcheck source=tests/e2e/master_common.bash
. "$(dirname "$0")/master_common.bash"
here=$(dirname "$(realpath "$0")")
build=$(realpath "${1:-build}")
prefix=/opt/muster
root=$dir/root
region=$dir/region
mkdir "$region"

make -s -C "$here/../.." install BUILD="${1:-build}" DESTDIR="$root" PREFIX="$prefix" >"$dir/install.log" 2>&1 || fail install
ok install
export PKG_CONFIG_PATH=$root$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
read -ra cflags <<<"$(pkg-config --cflags muster)"
read -ra shared <<<"$(pkg-config --libs muster)"
read -ra static <<<"$(pkg-config --libs --static muster)"
static=("${static[@]/-lmuster/-l:libmuster.a}")
export LD_LIBRARY_PATH=$root$prefix/lib

cat_region() { "$root$prefix/bin/muster" cat --region "$region"; }

# $1: name; the rest: how to build the worker.
worker() {
	local name=$1
	shift
	rm -f "$region"/*
	"$@" -o "$dir/$name" || fail "$name builds"
	MUSTER_REGION=$region "$dir/$name" || fail "$name runs"
	page=$(cat_region)
	has "$name counts" "$page" 'calls_total{kind="a"} 3'
	has "$name has static families" "$page" 'answers_total{code="200"} 1'
	has "$name has static handles" "$page" 'level 4'
	has "$name collects" "$page" 'depth{kind="a"} 8'
	has "$name observes" "$page" 'wait_seconds_bucket{kind="a",le="0.5"} 1'
}
c=(gcc -std=c11 -Wall -Wextra -Werror "${cflags[@]}" "$here/library_worker.c")
cxx=(g++ -std=c++17 -Wall -Wextra -Werror "${cflags[@]}" -x c++ "$here/library_worker.c" -x none)
worker c_shared "${c[@]}" "${shared[@]}"
worker c_static "${c[@]}" "${static[@]}"
worker cxx_shared "${cxx[@]}" "${shared[@]}"
worker cxx_static "${cxx[@]}" "${static[@]}"
has c_shared_is_shared "$(ldd "$dir/c_shared")" libmuster.so.0
case $(ldd "$dir/c_static") in *libmuster*) fail "c_static is static" ;; esac
ok c_static_is_static

# What the shared library shows and needs.
so=$root$prefix/lib/libmuster.so
has soname "$(readelf -d "$so")" 'Library soname: [libmuster.so.0]'
is needs_libc_only "$(readelf -d "$so" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v ld-linux | tr '\n' ' ')" 'libc.so.6 '
others=$(nm -D --defined-only "$so" | awk '{ print $NF }' | sed 's/@.*//' | grep -v '^MUSTER_0$' | grep -v '^muster_' || true)
is shows_its_own_names_only "$others" ''

# Loaded, used by threads, unloaded, again and again; and beside a static copy in the host.
gcc -std=c11 -Wall -Wextra -Werror -fPIC -shared "${cflags[@]}" "$here/library_plugin.c" "${shared[@]}" -lpthread -o "$dir/plugin.so"
gcc -std=gnu11 -Wall -Wextra -Werror "$here/library_host.c" -ldl -o "$dir/host"
rm -f "$region"/*
MUSTER_REGION=$region "$dir/host" "$dir/plugin.so" 20 || fail "plugin runs"
has loaded_and_unloaded "$(cat_region)" "plugin_total 80000"
is one_slab_for_all_loads "$(find "$region" -name 'slab.*' | wc -l)" 1
gcc -std=gnu11 -Wall -Wextra -Werror -DOWN_COPY "${cflags[@]}" "$here/library_host.c" "${static[@]}" -ldl -o "$dir/host2"
rm -f "$region"/*
MUSTER_REGION=$region "$dir/host2" "$dir/plugin.so" 5 || fail "plugin beside a copy runs"
page=$(cat_region)
has two_copies_plugin "$page" "plugin_total 20000"
has two_copies_host "$page" "host_total 5"
