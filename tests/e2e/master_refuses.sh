#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bad input: each is named, with its value, its limit and a remedy, and ends with the right code of sysexits.
. "$(dirname "$0")/master_common.bash"
region=(--region "$dir/r")

# refused NAME STATUS TEXT ARGUMENT...
refused() {
	local name=$1 want=$2 text=$3
	shift 3
	exit_of "$muster" "$@"
	is "$name.status" "$status" "$want"
	has "$name.text" "$err" "$text"
}

refused no_arguments 64 "muster COMMAND"
refused unknown_command 64 "frob: unknown command" frob
refused unknown_option 64 "--wrokers: unknown option; see muster run --help" run --wrokers=2 -- true
refused option_of_another_command 64 "--workers: unknown option" serve --workers 2
refused no_value 64 "--workers: needs a value" run --workers
refused no_command 64 "no command" run --workers 2
refused extra_argument 64 "extra: muster cat takes no such argument" cat extra
refused zero_workers 64 "--workers 0: must be a number from 1 to 1024" run --workers 0 -- true
refused too_many_workers 64 "--workers 1025: must be" run --workers 1025 -- true
refused negative_workers 64 "--workers -1: must be" run --workers -1 -- true
refused text_workers 64 "--workers 4x: must be" run --workers 4x -- true
refused no_grace 64 "--grace 0: must be a number of seconds from 0.1 to 3600" run --grace 0 -- true
refused nan_grace 64 "--grace nan: must be" run --grace nan -- true
refused bad_name 64 'name "a/b": must be' run --name a/b -- true
refused address_without_port 64 "--metrics localhost: not an address; write HOST:PORT" serve "${region[@]}" --metrics localhost
refused address_v6_bare 64 "--metrics ::1:80: not an address" serve "${region[@]}" --metrics ::1:80
refused port_too_high 64 "the port must be a number from 0 to 65535" serve "${region[@]}" --metrics 127.0.0.1:65536
refused port_name 64 "the port must be a number" run "${region[@]}" --listen 127.0.0.1:http -- true
refused address_not_here 69 "this machine does not have the address" serve "${region[@]}" --metrics 192.0.2.1:0
refused socket_path_too_long 64 "the path must have 1 to 107 bytes" serve "${region[@]}" --metrics "unix:/$(printf '%0200d' 0)"

start holder serve --metrics 127.0.0.1:0 --region "$dir/held"
refused port_in_use 69 "Address already in use; stop who has it" serve "${region[@]}" --metrics "$address"
refused region_in_use 75 "$master" serve --region "$dir/held" --metrics 127.0.0.1:0
is cat_beside_a_master "$("$muster" cat --region "$dir/held" | grep -c '^muster_build_info{')" 1
stop TERM

long=$dir/$(printf '%0250d' 0)
refused region_too_long 64 "at most 200 are allowed" serve --region "$long" --metrics none
refused cat_of_nothing 66 "$dir/none" cat --region "$dir/none"
: >"$dir/file"
refused region_is_a_file 66 "$dir/file" serve --region "$dir/file" --metrics none
refused region_parent_missing 73 "$dir/no/such" serve --region "$dir/no/such" --metrics none
mkdir -m 0777 "$dir/open"
refused region_world_writable 66 "$dir/open" serve --region "$dir/open" --metrics none
if [ "$(id -u)" -eq 0 ]; then
	mkdir -m 0755 "$dir/other"
	chown 12345 "$dir/other"
	refused region_of_another_user 66 "$dir/other" serve --region "$dir/other" --metrics none
fi
refused region_unwritable 73 "/proc/muster" serve --region /proc/muster --metrics none

is help_of_run "$("$muster" run --help | grep -c -- --workers)" 1
is help "$("$muster" --help | head -1)" "muster COMMAND [OPTION]..."
has version "$("$muster" --version)" "muster "
