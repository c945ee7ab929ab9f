# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # what block-ib-common.sh sets
#
# Who may have a disk: two may read it, or one write, be it guests or Dom0, as with Xen's
# own script for block devices. Sourced by block-ib-common.sh.

# The device numbers, MAJOR:MINOR, of a disk, its partitions and what is made of these:
# added to $numbers.
numbers_of() {
	local place=$SYS/block/$1 inside

	numbers+=("$(cat "$place/dev")")
	for inside in "$place"/*/partition; do
		[ ! -e "$inside" ] || numbers+=("$(cat "${inside%/*}/dev")")
	done
	for inside in "$place"/holders/* "$place"/*/holders/*; do
		[ ! -e "$inside" ] || numbers_of "${inside##*/}"
	done
}

# Has Dom0 a file system mounted, on a device with this number, that $mode does not suit?
mounted() {
	local at options source

	while read -r at options source; do
		if [ "$mode" = r ] && [[ ,$options, == *,ro,* ]]; then
			continue
		fi
		# One of several devices has a number of its own: btrfs.
		if [ "$at" = "$1" ] ||
			{ [ -b "$source" ] && [ "$(stat -L -c %Hr:%Lr "$source")" = "$1" ]; }; then
			return 0
		fi
	done < <(awk '{
		for (i = 7; i < NF && $i != "-"; i++);
		print $3, $6, $(i + 2)
	}' "$PROC/self/mountinfo")
	return 1
}

# refuse_beside DOMAIN MODE: fatal, if that one may not have it beside us.
refuse_beside() {
	[ "$mode$2" = rr ] || same_vm "$1" ||
		fatal "the disk is in use by domain $1, and one of the two may write"
}

# Those who have the disk of this identity by these scripts.
refuse_users() {
	local file domain

	for file in "$STATE"/users/*; do
		if [ "$file" != "$user" ] && grep -qsxF -- "disk $1" "$file" && lives "$file"; then
			user_path "$file"
			domain=$(xenstore_read_default "$REPLY/frontend-id" unknown)
			refuse_beside "$domain" "$(of "$file" mode)"
		fi
	done
}

# Those who have one of $numbers by whatever script.
refuse_backends() {
	local base=${XENBUS_PATH%/*/*} domain device number has
	local wanted=' '

	for number in "${numbers[@]}"; do
		wanted+=$(printf '%x:%x' "${number%:*}" "${number#*:}")' '
	done
	for domain in $(xenstore-list "$base"); do
		for device in $(xenstore-list "$base/$domain" 2>/dev/null); do
			device=$base/$domain/$device
			has=$(xenstore_read_default "$device/physical-device" none)
			if [[ $wanted = *" $has "* ]] && [ "$device" != "$XENBUS_PATH" ]; then
				has=$(xenstore_read_default "$device/mode" w)
				refuse_beside "$domain" "$(canonicalise_mode "$has")"
			fi
		done
	done
}

# claim_disk NAME...: it is one disk, by one path or several.
claim_disk() {
	local identity mode name
	local -a numbers=()

	mode=$(xenstore_read "$XENBUS_PATH/mode")
	mode=$(canonicalise_mode "$mode")
	# Those are same_vm's, of block-common.sh.
	FRONTEND_ID=$(xenstore_read "$XENBUS_PATH/frontend-id")
	FRONTEND_UUID=$(xenstore_read_default "/local/domain/$FRONTEND_ID/vm" unknown)
	export FRONTEND_ID FRONTEND_UUID
	disk_identity "$1"
	identity=$REPLY
	for name; do
		numbers_of "$name"
	done
	lock disks
	if [ "$mode" != '!' ]; then
		for name in "${numbers[@]}"; do
			! mounted "$name" || fatal "the disk is mounted in Dom0, as device $name"
		done
		refuse_users "$identity"
		refuse_backends
	fi
	remember disk "$identity"
	remember mode "$mode"
	unlock
}
