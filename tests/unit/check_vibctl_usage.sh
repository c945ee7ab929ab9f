#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vibctl and vibd as the shell sees them, on a machine with no Xen: exit status
# 2 for wrong usage, 1 for what cannot be done, and a line that says why.
# Prints TAP.
set -u

vibctl=build/bin/vibctl
vibd=build/bin/vibd
log=$(mktemp)
trap 'rm -f "$log"' EXIT
count=0
status=0

# expect STATUS TEXT PROGRAM [ARGUMENT...]: the status, and TEXT in what it says.
expect() {
	want=$1
	text=$2
	shift 2
	"$@" >"$log" 2>&1
	got=$?
	what=$*
	count=$((count + 1))
	if [ "$got" = "$want" ] && grep -qF -e "$text" "$log"; then
		echo "ok $count - ${what#build/bin/}"
	else
		echo "not ok $count - ${what#build/bin/}"
		echo "# exit status $got, wanted $want and '$text':"
		sed 's/^/# /' "$log"
		status=1
	fi
}

expect 0 'attach' $vibctl --help
expect 0 'xen-ib' $vibctl --version
expect 2 'Usage' $vibctl
expect 2 "no command 'frob'; want one of attach, detach" $vibctl frob
expect 2 'which vib?' $vibctl detach 3
expect 2 'one domain' $vibctl detach 3 0 1
expect 2 'whose vib?' $vibctl attach
expect 2 'want seconds' $vibctl attach 3 --timeout=x
expect 2 'which vib?' $vibctl set
expect 2 'what of it?' $vibctl set 3
expect 1 'is no key of a vib' $vibctl set 3 frob=1
expect 1 'port_guid cannot change while' $vibctl set 3/1 port_guid=0x0002c90300000001
expect 1 "has no '='" $vibctl set 3 0 link=up
expect 2 "no 'x'" $vibctl list x
expect 2 'whose vibs?' $vibctl show
expect 2 'what of the fabrics?' $vibctl fabric
expect 2 "no 'fabric frob'; want list, show NAME or reclaim NAME" $vibctl fabric frob
expect 2 "list takes no 'x'" $vibctl fabric list x
expect 2 'which fabric?' $vibctl fabric show
expect 2 'which fabric?' $vibctl fabric reclaim
expect 2 'one fabric at a time' $vibctl fabric show a b
expect 1 'cannot ask ibback at /nonexistent' $vibctl fabric list --socket=/nonexistent
expect 2 'want an xl config' $vibctl check
expect 2 'unrecognized option' $vibctl check --frob
expect 0 'all defaults' $vibctl check --text ''
expect 1 'pkey="0"' $vibctl check --text pkey=0
expect 1 'is no key of a vib' $vibctl attach 3 frob=1
expect 0 'xl-vib' $vibd --help
expect 2 'Usage' $vibd frob
if ! [ -e /dev/xen/xenbus ] && ! [ -e /proc/xen/xenbus ]; then
	expect 1 'cannot reach xenstore' $vibctl list
	expect 1 'cannot reach xenstore' $vibd
fi
echo "1..$count"
exit $status
