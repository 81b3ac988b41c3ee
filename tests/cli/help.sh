#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Help goes to stdout with status 0, for the program and for each verb.
. "$(dirname "$0")/functions.sh"

run 0 vu --help
err_empty
out_has "Usage: vhd-util VERB"
for verb in create info convert check repair map read write trim bench lint salvage compact resize set snapshot merge flatten compare changes diff digest; do
	out_has "  $verb "
done
run 0 vu -h
run 0 vu help
run 0 vu help info
out_has "Usage: vhd-util info "

for verb in create info convert check repair map read write trim bench lint salvage compact resize set snapshot merge flatten compare changes diff digest; do
	run 0 vu $verb --help
	err_empty
	out_has "Usage: vhd-util $verb "
	out_has "Examples:"
	out_has "Exit status: 0"
	# Every option is explained in the table that the parser uses.
	[ "$(grep -c '^ *--' "$out")" -ge 3 ] || fail "few options in the help"
	# Short options stay free for the classic command line.
	grep -E '^ +-[a-z]' "$out" |
		grep -vq -e '-h, --help' -e '-o, --output' &&
		fail "there is a short option besides -h and -o"
	cp "$out" help.txt
	run 0 vu $verb -h
	same "$out" help.txt
done

run 0 vu --help-all
for verb in create info convert check repair map read write trim bench lint salvage compact resize set snapshot merge flatten compare changes diff digest; do
	out_has "Usage: vhd-util $verb "
done
run 0 vu --version
grep -qE '^vhd-util [0-9]+\.[0-9]+\.[0-9]+ \(libvhd [0-9.]+\)$' "$out" ||
	fail "odd version line"
