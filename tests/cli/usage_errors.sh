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

for verb in create info convert check map read write trim bench lint salvage; do
	run 2 vu $verb
	usage_error $verb
	run 2 vu $verb --no-such-option a b
	usage_error $verb
	err_has "there is no option '--no-such-option'"
	run 2 vu $verb -z a b
	usage_error $verb
	run 2 vu $verb ""
	usage_error $verb
done
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
