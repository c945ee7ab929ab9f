# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # what block-ib-common.sh sets
#
# The multipath map over the paths of several targets. Sourced by block-ib-common.sh.
# $user has those it made, or uses with another disk that has, as "map UUID".

# The map of all disks given, in $REPLY: its device.
common_map() {
	local name holder found=

	for name; do
		REPLY=
		for holder in "$SYS/block/$name/holders"/dm-*; do
			grep -qs ^mpath- "$holder/dm/uuid" && REPLY=${holder##*/}
		done
		[ -n "$REPLY" ] && [ "${found:-$REPLY}" = "$REPLY" ] || return 1
		found=$REPLY
	done
	[ -e "$DEV/$REPLY" ]
}

# The map with this UUID, in $REPLY: its device.
find_map() {
	local file

	for file in "$SYS"/block/dm-*/dm/uuid; do
		REPLY=${file%/dm/uuid}
		REPLY=${REPLY##*/}
		[ "$(cat "$file" 2>/dev/null)" != "$1" ] || return 0
	done
	return 1
}

# Take disks out of the list of those that are to have a map.
unlist() {
	local name

	for name; do
		timeout "$(left)" multipath -w "$DEV/$name" >/dev/null 2>&1 ||
			log info "multipath -w $name failed"
	done
}

# multipathd hears of what is in the list, too, and may be the one who makes it: then multipath
# fails.
make_map() {
	local name said

	# multipath asks udev what a disk is called.
	udevadm settle --timeout="$(left)" || true
	for name; do
		said=$(timeout "$(left)" multipath -a "$DEV/$name" 2>&1) || {
			last_line "$said"
			fatal "multipath -a $name: $REPLY"
		}
	done
	said=$(without_lock timeout "$(left)" multipath -v1 "$DEV/$1" 2>&1) ||
		log info "multipath $1: status $?: $said"
	wait_for common_map "$@" || {
		unlist "$@"
		last_line "$said"
		fatal "multipath made no map of $* in $LIMIT s: ${REPLY:-it says nothing}"
	}
}

# The map of all of them, made if there is none; in $REPLY: its device.
multipath_map() {
	local name identity uuid

	command -v multipath >/dev/null ||
		fatal "several targets need multipath-tools, which is not installed"
	multipathd show daemon >/dev/null 2>&1 ||
		fatal "several targets need multipathd, which does not run"
	disk_identity "$1"
	identity=$REPLY
	for name; do
		disk_identity "$name"
		[ "$REPLY" = "$identity" ] ||
			fatal "the targets have different disks, '$identity' and '$REPLY'"
	done
	lock disks
	# Whose is one that is there? If another guest's, it is also ours to take away.
	if common_map "$@"; then
		uuid=$(cat "$SYS/block/$REPLY/dm/uuid")
		! used map "$uuid" || remember map "$uuid"
	else
		make_map "$@"
		remember map "$(cat "$SYS/block/$REPLY/dm/uuid")"
	fi
	unlock
}

# Take a map away that $user alone had. If that fails it is still its.
flush_map() {
	local name said status=0 uuid
	local -a paths

	lock disks
	uuid=$(of "$user" map)
	forget map
	if [ -n "$uuid" ] && ! used map "$uuid" && find_map "$uuid"; then
		name=$(cat "$SYS/block/$REPLY/dm/name")
		paths=("$SYS/block/$REPLY/slaves"/*)
		unlist "${paths[@]##*/}"
		said=$(without_lock timeout "$(left)" multipath -f "$name" 2>&1) || {
			log err "cannot flush the multipath map $name: $said"
			remember map "$uuid"
			status=1
		}
	fi
	unlock
	return $status
}
