#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What holds ib_cm back until ibback has claimed its HCAs, with a modprobe that only
# notes what it was asked for. Prints TAP.
set -u

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
count=0
status=0

mkdir "$dir/bin"
cat >"$dir/bin/modprobe" <<END
#!/bin/sh
echo "\$*" >>"$dir/asked"
END
chmod +x "$dir/bin/modprobe"
PATH=$dir/bin:$PATH
XEN_IB_RUN=$dir/run
XEN_IB_CONF=$dir/ibback.conf
XEN_IB_TRIES=1
export PATH XEN_IB_RUN XEN_IB_CONF XEN_IB_TRIES

# expect STATUS ASKED WHAT ARGUMENT...: run it; it ends so, having asked modprobe that.
expect() {
	want=$1 asked=$2 what=$3
	shift 3
	: >"$dir/asked"
	ibback/wire/hold-ib_cm "$@" >"$dir/log" 2>&1
	got=$?
	count=$((count + 1))
	if [ "$got" = "$want" ] && [ "$(cat "$dir/asked")" = "$asked" ]; then
		echo "ok $count - $what"
		return
	fi
	echo "not ok $count - $what"
	echo "# status $got, wanted $want; modprobe $(cat "$dir/asked"), wanted $asked"
	status=1
}

loads='--ignore-install ib_cm'
expect 0 "$loads" 'without a configuration nothing is held' load
printf '[fabric a]\ntype = local\n# device = x\n' >"$dir/ibback.conf"
expect 0 "$loads" 'nor with local fabrics' load
expect 0 "$loads debug=1" 'options are passed on' load debug=1
printf '[fabric a]\ndevice = mlx5_0\n' >"$dir/ibback.conf"
expect 1 '' 'where ibback has an HCA ib_cm waits' load
expect 0 'rdma_ucm' 'and is loaded when ibback has started' release
expect 0 "$loads" 'as modprobe is allowed to then' load
expect 0 '' 'which it is not if nobody asked' release
expect 0 '' 'ibback ends' hold
expect 1 '' 'and it waits again' load
expect 2 '' 'no other word is known' forget
echo "1..$count"
exit "$status"
