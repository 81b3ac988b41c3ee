#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A usage error is one line and a pointer on stderr, status 2.
. "$(dirname "$0")/functions.sh"

run 2 vu
out_empty
err_has "Usage: vhd-util VERB"

run 2 vu convrt a b
out_empty
err_has "there is no verb 'convrt'; do you mean 'convert'?"
err_has "Try 'vhd-util --help'."
run 2 vu frobnicate
err_has "there is no verb 'frobnicate'"
err_lacks "do you mean"
run 2 vu --frobnicate
err_has "there is no option '--frobnicate'"
err_lacks "do you mean"
run 2 vu --verson
err_has "there is no option '--verson'; do you mean '--version'?"
# The file before the verb, and letters in another order.
: >disk.img
run 2 vu disk.img info
err_has "there is no verb 'disk.img', which is a file: first comes"
rm disk.img
run 2 vu info --jsno a.vhd
err_has "there is no option '--jsno'; do you mean '--json'?"
run 2 vu create --siez=64G a.vhd
err_has "there is no option '--siez=64G'; do you mean '--size'?"
run 2 vu create --parnet-dir=. --size 1M a.vhd
err_has "do you mean '--parent-dir'?"
# A size where qemu-img has it.
run 2 vu create a.vhdx 64G
usage_error create
err_has "the size is given as --size 64G"
run 2 vu create 64G a.vhdx
err_has "the size is given as --size 64G"
run 2 vu create a.vhdx b.vhdx
err_has "'b.vhdx' is one operand too many"
for verb in compare diff; do
	run 2 vu $verb a.vhdx
	err_has "vhd-util $verb: the names of two images are needed"
done
run 2 vu convert a.vhdx
err_has "a source and a target are needed"
# Words of other programs.
for pair in commit:merge shrink:resize grow:resize \
	optimize:compact diffs:changes checksum:digest hash:digest; do
	run 2 vu "${pair%:*}" a
	err_has "there is no verb '${pair%:*}'; do you mean '${pair#*:}'?"
done

for verb in create info convert check map read write trim bench lint salvage resize set; do
	run 2 vu $verb
	usage_error $verb
	run 2 vu $verb --no-such-option a b
	usage_error $verb
	err_has "there is no option '--no-such-option'"
	run 2 vu $verb ""
	usage_error $verb
done
for verb in info map write trim bench lint salvage; do
	run 2 vu $verb -z a b
	usage_error $verb
done
# Verbs of Xen's command line are its: where both have one, with a short option.
for verb in create convert check read resize set repair snapshot; do
	run 22 vu $verb -Z a b
	err_has "$verb: invalid option -- 'Z'"
	out_has "usage: vhd-util $verb -"
	err_has "ours takes long ones: vhd-util $verb --help"
	# The same line of a client is answered as Xen's program answers it.
	run 22 vu $verb -Z a
	err_lacks "vhd-util $verb --help"
done
run 22 vu query --json a
err_has "'query' takes the options of Xen's vhd-util; do you mean 'info'?"
for pair in coalesce:merge copy:convert modify:set query:info; do
	run 22 vu "${pair%:*}" a
	out_has "usage: vhd-util ${pair%:*} -n"
	err_has "do you mean '${pair#*:}'?"
done
# But what the modern form has of them is its own.
for verb in create convert check read resize set repair snapshot; do
	for opt in $(vu $verb --help | sed -n 's/^ *-\([A-Za-z]\), .*/\1/p'); do
		vu $verb "-$opt" >"$out" 2>"$err" </dev/null || true
		! grep -q "usage: vhd-util" "$out" ||
			fail "$verb -$opt is taken for Xen's"
	done
done
run 0 vu create --size 2M small.vhd
run 0 vu read -o small.raw small.vhd
[ "$(stat -c %s small.raw)" -eq 2097152 ] || fail "small.raw is not the disk"
# A line of either form that was meant for the other one.
for line in "resize small.vhd -s 40960 -f" "check small.vhd -n"; do
	# shellcheck disable=SC2086
	run 2 vu $line
	err_has "there is no option '-"
	err_has "options come first: 'vhd-util ${line%% *} -n NAME ...'"
done
run 2 vu resize small.vhd --size 1G
err_lacks "options come first"
for pair in qurey:query coalesc:coalesce Query:query; do
	run 2 vu "${pair%:*}" -n small.vhd
	err_has "there is no verb '${pair%:*}'; do you mean '${pair#*:}'?"
done
for verb in query key modify; do
	run 0 vu $verb --help
	out_has "usage: vhd-util $verb -"
	err_empty
	run 0 vu help $verb
	out_has "usage: vhd-util $verb -"
done
rm small.vhd small.raw
run 2 vu info a b
usage_error info
err_has "'b' is one operand too many"
run 2 vu convert a
usage_error convert
run 2 vu convert a b c
usage_error convert

run 2 vu create --size
usage_error create
err_has "option '--size' needs a value"
run 2 vu info --json=yes a
usage_error info
err_has "takes no value"
run 2 vu create --size 16GB a
usage_error create
err_has "(units are K, M, G and T: powers of 1024)"
run 2 vu resize a 16GB
usage_error resize
err_has "(units are K, M, G and T: powers of 1024)"
run 2 vu resize --size 16G a
usage_error resize
err_has "the size is written after the image: resize IMAGE 16G"
run 2 vu create --format vmdk --size 1G a
usage_error create
err_has "'vmdk' is none of vhd, vhdx, raw"
run 2 vu create --type thin --size 1G a.vhd
usage_error create
run 2 vu create --for mars --size 1G a.vhd
usage_error create
run 2 vu create --logical-sector 520 --size 1G a.vhdx
usage_error create
run 2 vu create --uuid 1234 --size 1G a.vhd
usage_error create
run 2 vu create --uuid 00000000-0000-0000-0000-000000000000 --size 1G a.vhd
usage_error create
run 2 vu create a.vhd
usage_error create
err_has "--size is needed"
run 2 vu create --type differencing --size 1G a.vhd
usage_error create
run 2 vu create --parent-name x --size 1G a.vhd
usage_error create
run 2 vu create --parent x --type fixed a.vhd
usage_error create
run 2 vu convert --type differencing a b.vhd
usage_error convert
run 2 vu convert --json a -
usage_error convert
run 2 vu convert --verify a -
usage_error convert
run 2 vu map --json --picture a
usage_error map
run 2 vu map --length 0 a
usage_error map
run 2 vu write --zero a b
usage_error write
run 2 vu write --zero a
usage_error write
err_has "--zero needs --length"
run 2 vu write --flush-every 0 a b
usage_error write
run 2 vu write --length 0 a b
usage_error write
run 2 vu write --no-lock a b
usage_error write
run 2 vu write - b
usage_error write
run 2 vu trim a
usage_error trim
run 2 vu read --json a
usage_error read
run 2 vu read --force a
usage_error read
run 2 vu read --output "" a
usage_error read
run 2 vu check --json --quiet a
usage_error check
run 2 vu info --parent "" a
usage_error info
run 2 vu info --parent-dir "" a
usage_error info
SOURCE_DATE_EPOCH=soon run 2 vu create --size 1G a.vhd
usage_error create

# Texts from outside cannot drive a terminal.
run 2 vu info "$(printf -- '--x\033[31m')"
grep -q "$(printf '\033')" "$err" && fail "an escape character came through"
only
