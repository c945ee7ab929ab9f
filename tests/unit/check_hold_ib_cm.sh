#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What holds ib_cm back until ibback has claimed its HCAs, in a root of the test's, with a
# modprobe and a systemctl that only note what they were asked for. Prints TAP.
set -u

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
count=0
status=0

mkdir -p "$dir/bin" "$dir/etc/xen-ib" "$dir/dev/xen" "$dir/run"
cat >"$dir/bin/modprobe" <<END
#!/bin/sh
echo "modprobe \$*" >>"$dir/asked"
[ "\$*" != "-q xen_gntdev" ] || [ ! -e "$dir/xen" ] || : >"$dir/dev/xen/gntdev"
END
cat >"$dir/bin/systemctl" <<END
#!/bin/sh
case "\$*" in
*is-enabled*) [ -e "$dir/enabled" ] ;;
*is-active*) cat "$dir/active" ;;
*) echo "systemctl \$*" >>"$dir/asked" ;;
esac
END
cat >"$dir/bin/pidof" <<END
#!/bin/sh
[ -e "$dir/runs" ]
END
chmod +x "$dir/bin/"*
PATH=$dir/bin:$PATH
XEN_IB_ROOT=$dir
XEN_IB_TRIES=1
export PATH XEN_IB_ROOT XEN_IB_TRIES
unset SERVICE_RESULT

report() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
		return
	fi
	echo "not ok $count - $2"
	echo "# $3"
	status=1
}

# Nothing, or one line that has it?
has_said() {
	if [ -z "$1" ]; then
		[ ! -s "$dir/log" ]
	else
		[ "$(wc -l <"$dir/log")" = 1 ] && grep -qF -- "$1" "$dir/log"
	fi
}

# expect STATUS ASKED SAID WHAT ARGUMENT...: run it; it ends so, having asked for that, line
# by line, and said one line with SAID in it, or none.
expect() {
	want=$1 asked=$2 said=$3 what=$4
	shift 4
	: >"$dir/asked"
	ibback/wire/hold-ib_cm "$@" >"$dir/log" 2>&1
	got=$?
	[ "$got" = "$want" ] && [ "$(cat "$dir/asked")" = "$asked" ] && has_said "$said"
	report "$?" "$what" "status $got, asked $(cat "$dir/asked"), said $(cat "$dir/log")"
}

loads='modprobe --ignore-install ib_cm'
again='modprobe rdma_ucm
systemctl --no-block restart rdma-load-modules@*.service'
waits='waits until ibback has claimed'

# Whose host it is.
expect 0 "$loads" '' 'without a configuration nothing is held' load
printf '[fabric a]\ntype = local\n# device = x\n' >"$dir/etc/xen-ib/ibback.conf"
expect 0 "$loads" '' 'nor with local fabrics' load
expect 0 "$loads debug=1" '' 'options are passed on' load debug=1
printf '[fabric a]\ndevice = mlx5_0\n' >"$dir/etc/xen-ib/ibback.conf"
mkdir -p "$dir/run/systemd/system"
: >"$dir/enabled"
echo inactive >"$dir/active"
expect 0 "modprobe -q xen_gntdev
$loads" '' 'nor without Xen, where ibback does not start' load
: >"$dir/xen"
expect 1 'modprobe -q xen_gntdev' "$waits" 'where ibback has an HCA ib_cm waits' load
rm "$dir/enabled"
expect 0 "$loads" '' 'a service that is not to be started holds nothing' load
echo failed >"$dir/active"
expect 0 "$loads" '' 'nor one that failed' load
for state in active activating reloading; do
	echo "$state" >"$dir/active"
	expect 1 '' "$waits" "one that is $state does, enabled or not" load
done
: >"$dir/enabled"

# It comes.
{
	sleep 0.5
	exec python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/run/xen-ib/ibback.sock"
} &
XEN_IB_TRIES=50
expect 0 "$again" '' 'what was refused is loaded when ibback has started' release
XEN_IB_TRIES=1
expect 0 "$loads" '' 'as modprobe is allowed to then' load
expect 0 '' '' 'nothing is if nobody asked' release
expect 0 '' '' 'ibback ends' hold
expect 1 '' "$waits" 'and it waits again' load

# It does not.
rm "$dir/run/xen-ib/ibback.sock"
expect 0 "$again" 'did not listen in time' 'the wait ends, and all is loaded' release
expect 0 "$loads" '' 'as modprobe is allowed to' load
expect 0 '' '' 'ibback ends' hold
expect 1 '' "$waits" 'and it waits again' load
SERVICE_RESULT=exit-code
export SERVICE_RESULT
expect 0 "$again" 'ibback failed (exit-code)' 'a failure loads what was refused' hold
expect 0 "$loads" '' 'as modprobe is allowed to' load
expect 0 '' '' 'the next failure is not said again' hold
SERVICE_RESULT=success
expect 0 '' '' 'ibback ends well' hold
expect 1 '' "$waits" 'and it waits again' load

# Nobody to release it.
rm -r "$dir/run/systemd"
expect 0 "$loads" '' 'without systemd nothing is held if ibback does not run' load
: >"$dir/runs"
expect 0 "$loads" 'did not listen in time' 'nor for long if it does' load
expect 2 '' 'usage' 'no other word is known' forget

# The rule of modprobe.d, where there is no such script: in an initramfs.
rule=$(sed -n 's/^install ib_cm //p' ibback/wire/modprobe.conf)
# run_rule WANT WHAT: the status and what was asked, with "$dir" for the script's folder
run_rule() {
	: >"$dir/asked"
	CMDLINE_OPTS='a=1 b=2' sh -c "$(echo "$rule" | sed "s|/usr/lib/xen-ib|$dir|g")"
	[ "$?:$(cat "$dir/asked")" = "$1" ]
	report "$?" "$2" "$(cat "$dir/asked")"
}

run_rule "0:$loads a=1 b=2" 'without the script the rule loads it'
cat >"$dir/hold-ib_cm" <<END
#!/bin/sh
echo "hold \$*" >>"$dir/asked"
exit 3
END
chmod +x "$dir/hold-ib_cm"
run_rule '3:hold load a=1 b=2' 'with it the rule asks it, and fails as it does'
echo "1..$count"
exit "$status"
