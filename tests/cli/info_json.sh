#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# info --json is JSON with the documented members.
. "$(dirname "$0")/functions.sh"

requires python3
run 0 vu create --size 64M a.vhd
run 0 vu info --json a.vhd
json_is 'sorted(set("""features format_version data_offset timestamp created
	creator_app creator_version creator_os original_size current_size
	cylinders heads sectors_per_track chs_size disk_type unique_id
	saved_state hidden footers_ok footer_used bat_offset bat_entries
	has_batmap has_keyhash batmap_offset""".split())
	- set(d["image"]["vhd"]))' "[]"
json_is 'd["image"]["vhd"]["footers_ok"]' both
json_is 'd["image"]["id"] == d["image"]["vhd"]["unique_id"]' True
json_is 'd["image"]["allocation"]["blocks_data"]' 0
run 0 vu create --size 64M a.vhdx
run 0 vu info --json a.vhdx
json_is 'sorted(set("""creator version headers_ok header_used
	header_sequence region_tables_ok file_write_guid data_write_guid
	virtual_disk_id leave_allocated log_guid log_version log_offset
	log_length log_entries_replayed log_pages_replayed replayed_file_size
	bat_offset bat_length metadata_offset metadata_length""".split())
	- set(d["image"]["vhdx"]))' "[]"
json_is 'd["image"]["log"]' clean
json_is 'd["image"]["id"] == d["image"]["vhdx"]["data_write_guid"]' True
# A name that is not UTF-8 does not break the document.
name=$(printf 'odd\377name.vhdx')
cp a.vhdx "$name" 2>/dev/null || exit 0
PYTHONIOENCODING=utf-8
export PYTHONIOENCODING
run 0 vu info --json "$name"
json_is 'd["image"]["file"]' "odd$(printf '\357\277\275')name.vhdx"
