#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Garbage in ibback.conf: ibback does not start, exits with 1 and says in one line
# which line is wrong, what stands there and what would be right. Prints TAP.
set -u

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
conf=$dir/ibback.conf
count=0
status=0

# start SECONDS: run ibback with the file, no Xen, and end it if it serves.
start() {
	timeout "$1" build/bin/ibback --no-xen --local="$dir/socket" --config="$conf" \
		>"$dir/log" 2>&1
}

report() {
	count=$((count + 1))
	[ "$1" = ok ] || status=1
	echo "$1 $count - $2"
	[ "$1" = ok ] || sed 's/^/# /' "$dir/log"
}

# refused LINE WANT: the file that stands there.
refused() {
	start 10
	got=$?
	if [ "$got" = 1 ] && [ "$(wc -l <"$dir/log")" = 1 ] &&
		grep -qF -e "$conf:$1: " "$dir/log" && grep -qF -e "$2" "$dir/log"; then
		report ok "$2"
	else
		report 'not ok' "exit status $got, wanted 1 and line $1: $2"
	fi
}

# refuse LINE WANT TEXT: printf's TEXT as the file.
refuse() {
	# shellcheck disable=SC2059
	printf "$3" >"$conf"
	refused "$1" "$2"
}

refuse 2 'pollers=0: want a number from 1 to 64' '[engine]\npollers = 0\n'
refuse 2 'pollers=65: want' '[engine]\npollers = 65\n'
refuse 2 'pollers=: want' '[engine]\npollers =\n'
refuse 2 'pollers=two: want' '[engine]\npollers = two\n'
refuse 2 'pollers=1 2: want' '[engine]\npollers = 1 2\n'
refuse 2 'spin=-1: want microseconds, a number from 0 to 1000000' '[engine]\nspin = -1\n'
refuse 2 'spin=1000001: want' '[engine]\nspin = 1000001\n'
refuse 2 'spin=99999999999999999999: want' '[engine]\nspin = 99999999999999999999\n'
refuse 2 "poll=Always: want 'adaptive', 'always' or 'never'" '[engine]\npoll = Always\n'
refuse 2 'poll=?: want' '[engine]\npoll = \001\n'
refuse 2 "cpus=1,,2: want processors' numbers, from 0 to 1023" '[engine]\ncpus = 1,,2\n'
refuse 2 'cpus=1024: want' '[engine]\ncpus = 1024\n'
refuse 2 'cpus=1;2: want' '[engine]\ncpus = 1;2\n'
refuse 3 'spin is given twice' '[engine]\nspin = 1\nspin = 2\n'
refuse 3 'pollers is given twice' '[engine]\npollers = 1\n 2\n'
refuse 2 "colour: the keys are 'pollers', 'cpus', 'poll' and 'spin'" '[engine]\ncolour = blue\n'
refuse 1 'it is in section []; want [fabric NAME], [engine] or [admin]' 'spin = 1\n'
refuse 2 'it is in section [engines]' '[engines]\nspin = 1\n'
refuse 2 '[fabric ../x]: want a NAME' '[fabric ../x]\ntype = local\n'
refuse 2 '[fabric ]: want a NAME' '[fabric ]\ntype = local\n'
refuse 2 "type=ib: want 'local' or 'wire'" '[fabric a]\ntype = ib\n'
refuse 2 "the keys are 'type', 'device', 'port', 'netdev', 'addressing', 'max_hca_mem' and 'fast_registration'" \
	'[fabric a]\ncolour = blue\n'
for mib in 0 65537 -1 64M '' 99999999999999999999; do
	refuse 3 "max_hca_mem=$mib: want MiB of each guest, a number from 1 to 65536" \
		"[fabric a]\ndevice = rxe0\nmax_hca_mem = $mib\n"
done
for answer in maybe Yes 1 ''; do
	refuse 3 "fast_registration=$answer: want 'auto', 'yes' or 'no'" \
		"[fabric a]\ndevice = rxe0\nfast_registration = $answer\n"
done
refuse 2 "[fabric a] max_hca_mem: want a 'device' as well" '[fabric a]\nmax_hca_mem = 128\n'
refuse 2 "[fabric a] type: want a 'device' as well" '[fabric a]\ntype = wire\n'
refuse 3 "[fabric a] port: want a 'device' as well" '[fabric a]\n\nport = 2\n'
refuse 2 "[fabric a] netdev: want a 'device'" '[fabric a]\nnetdev = eth1\n'
refuse 3 "type is 'local'; want type = wire" '[fabric a]\ntype = local\ndevice = rxe0\n'
refuse 2 "type is 'local'; want type = wire" '[fabric a]\ndevice = rxe0\ntype = local\n'
refuse 2 "'local' has no wire; want a fabric of another NAME" \
	'[fabric local]\ndevice = rxe0\n'
refuse 2 "'local' has no wire" '[fabric local]\ntype = wire\n'
refuse 2 'device=../x: want the name of an HCA' '[fabric a]\ndevice = ../x\n'
refuse 2 'device=..: want the name of an HCA' '[fabric a]\ndevice = ..\n'
refuse 2 'device=: want the name of an HCA' '[fabric a]\ndevice =\n'
refuse 2 'device=0000' '[fabric a]\ndevice = %064d\n'
refuse 3 'netdev=eth1:0: want the name of a network device' \
	'[fabric a]\ndevice = rxe0\nnetdev = eth1:0\n'
refuse 2 'netdev=eth0123456789012: want' '[fabric a]\nnetdev = eth0123456789012\n'
refuse 2 "port=0: want a port's number, from 1 to 255" '[fabric a]\nport = 0\n'
refuse 2 'port=256: want' '[fabric a]\nport = 256\n'
refuse 3 'port is given twice' '[fabric a]\nport = 1\nport = 1\n'
refuse 4 '[fabric b] device=rxe0, port 1: [fabric a] has it; want another port' \
	'[fabric a]\ndevice = rxe0\n[fabric b]\ndevice = rxe0\n'
refuse 7 '[fabric b] netdev=eth1: [fabric a] has it' \
	'[fabric a]\ndevice = x\nnetdev = eth1\n[fabric b]\ndevice = x\nport = 2\nnetdev = eth1\n'
refuse 4 '[fabric a] type is given twice' '[fabric a]\ntype = local\n[fabric a]\ntype = local\n'
refuse 3 'want [fabric NAME], [engine], [admin] or KEY = VALUE' '\n\nrubbish\n'
refuse 1 'want [fabric NAME], [engine], [admin] or KEY = VALUE' '[engine\npollers = 1\n'
refuse 2 "[admin] colour: the only key is 'socket'" '[admin]\ncolour = blue\n'
refuse 2 'socket=run/x: want an absolute path of at most 107' '[admin]\nsocket = run/x\n'
refuse 2 'socket=: want' '[admin]\nsocket =\n'
refuse 2 'socket=/000' '[admin]\nsocket = /%0107d\n'
refuse 3 'socket is given twice' '[admin]\nsocket = none\nsocket = /run/x\n'
refuse 2 'the line is longer than' '[engine]\npollers = %0400d\n'
refuse 2 'there is a NUL in it' '[engine]\npollers = 1\000rubbish\n'
head -c 4096 /dev/zero >"$conf"
refused 1 'there is a NUL in it'
rm "$conf"
mkdir "$conf"
refused 1 'Is a directory'
rmdir "$conf"

start 10
got=$?
if [ "$got" = 1 ] && grep -qF "$conf: No such file" "$dir/log"; then
	report ok 'a file that is named exists'
else
	report 'not ok' "exit status $got for a file that does not exist, wanted 1"
fi

# What is right: it serves until it is told to end.
printf '\n; a comment\n[fabric local]\ntype = local\n[fabric a]\ntype: local\n[fabric b]\nnetdev = eth1\ndevice = none0\n[fabric c]\ntype = wire\ndevice = none0\nport = 2\nmax_hca_mem = 65536\nfast_registration = yes\n[engine]\npoll = never ; sleeps\nspin = 0\npollers = 1' >"$conf"
start 2
got=$?
if [ "$got" = 124 ] && grep -q serving "$dir/log"; then
	report ok 'a file that is right'
else
	report 'not ok' "exit status $got for a file that is right, wanted 124"
fi

echo "1..$count"
exit $status
