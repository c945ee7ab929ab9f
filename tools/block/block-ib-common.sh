#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What block-srp and block-iser share; see block-srp(7). Sourced by them, behind Xen's own
# block-common.sh, of which they have $command, log, fatal and write_dev.
#
# Each has these functions, with what a function finds in global variables: one that is
# called as $(...) could not end the script with a reason.
#
#   parse_target TEXT	check TEXT, a single target; fatal if it makes no sense. Sets $lun
#   resolve_target	of what was parsed last: sets $target, the text that tells this
#			session from others
#   login		log in to that; fatal says why not. May set $login_note, which
#			logout is given
#   find_session	sets $host, the number of the SCSI host of that session, and
#			$devices, the folder of sysfs that has its SCSI targets; fails if
#			there is no such session
#   logout HOST NOTE	end a session, if there is this host; fails, having said why in
#			$REPLY
#
# State, below $STATE, which ends with the host's boot:
#
#   users/PATH		a disk of a guest, by its path in xenstore: lines of a word and a
#			value: path, session, disk, mode, map
#   sessions/KEY	a session that these scripts use: "ours" if they made it, else
#			"theirs"; its SCSI host, and host_id of that; $login_note, or "-";
#			a line each
#   sessions/KEY.lock	held while a session begins or ends
#   disks.lock		held while it is decided who may have a disk
#
# How many use a session is counted, from users/, and kept nowhere: a script that is
# killed leaves no count that is wrong.

# Each of the two has variables of the other's:
# shellcheck disable=SC2034,SC2154

# These are replaced by tests.
SYS=${XEN_IB_BLOCK_SYS:-/sys}
DEV=${XEN_IB_BLOCK_DEV:-/dev}
STATE=${XEN_IB_BLOCK_STATE:-/run/xen-ib/block}
# Seconds, of which an add that fails has some more: libxl kills a script after 40.
LIMIT=${XEN_IB_BLOCK_LIMIT:-30}
ROLL_BACK=$((LIMIT / 4))
deadline=$((SECONDS + LIMIT))

# Seconds that are left, at least one: what is under way is to fail by itself.
left() {
	local seconds=$((deadline - SECONDS))

	echo $((seconds > 0 ? seconds : 1))
}

# wait_for COMMAND...: until it succeeds, which is asked with each event of the kernel's
# devices, for as long as there is time.
wait_for() {
	local events pid status=1

	"$@" && return 0
	exec {events}< <(exec timeout "$(left)" udevadm monitor --kernel)
	pid=$!
	# The last of the lines that it begins with says that it listens.
	while read -r -u "$events" _; do
		if "$@"; then
			status=0
			break
		fi
	done
	kill "$pid" 2>/dev/null || true
	exec {events}<&-
	wait "$pid" 2>/dev/null || true
	return "$status"
}

# The last line that is not blank of what a program has said.
last_line() {
	REPLY=$(grep -v '^[[:space:]]*$' <<<"$1" | tail -n 1 || true)
}

# ---- locks -----------------------------------------------------------------

# Hold $STATE/NAME.lock, one at a time; by descriptor 9.
lock() {
	exec 9>"$STATE/$1.lock"
	flock -w "$(left)" 9 ||
		fatal "$STATE/$1.lock is held for another disk, for more than $LIMIT s"
}

unlock() {
	exec 9>&-
}

# without_lock COMMAND...: what it starts and leaves behind does not hold our lock.
without_lock() {
	"$@" 9>&-
}

# ---- users -----------------------------------------------------------------

# The file of the disk at a path of xenstore, in $REPLY.
user_file() {
	REPLY=$STATE/users/${1//\//!}
}

remember() {
	printf '%s %s\n' "$1" "$2" >>"$user"
}

# of FILE WORD: the values, a line each.
of() {
	sed -n "s/^$2 //p" "$1"
}

# forget WORD: the lines of $user that begin with it.
forget() {
	sed -i "/^$1\( \|\$\)/d" "$user"
}

# Is the disk of this file there still? Its backend's directory goes with it.
lives() {
	xenstore-exists "$(of "$1" path)" 2>/dev/null
}

# used WORD VALUE: does a disk that is there have this line, other than $user?
used() {
	local file

	for file in "$STATE"/users/*; do
		if [ "$file" != "$user" ] && grep -qsxF -- "$1 $2" "$file" && lives "$file"; then
			return 0
		fi
	done
	return 1
}

# ---- sessions --------------------------------------------------------------

# What tells a SCSI host from another one that has its number later.
host_id() {
	stat -c %i "$SYS/class/scsi_host/host$1/" 2>/dev/null || true
}

# The SCSI host of sessions/KEY, or nothing if there is none or the kernel gave it up.
known_host() {
	local -a session=()

	[ ! -e "$STATE/sessions/$1" ] || mapfile -t session <"$STATE/sessions/$1"
	if [ "${#session[@]}" -gt 0 ] && [ "$(host_id "${session[1]}")" = "${session[2]}" ]; then
		echo "${session[1]}"
	fi
}

# Take note of what find_session has found; whose is it?
note_session() {
	printf '%s\n' "$1" "$host" "$(host_id "$host")" "${login_note:--}" \
		>"$STATE/sessions/$key"
}

# The session of the target that was parsed, logged in if there is none. Sets $devices.
open_session() {
	local sum

	resolve_target
	sum=$(printf '%s' "$target" | sha256sum)
	key=${sum:0:32}
	lock "sessions/$key"
	remember session "$key"
	login_note=''
	logged_in=''
	if ! find_session; then
		rm -f "$STATE/sessions/$key"
		log info "logging in: $target"
		login
		logged_in=1
		wait_for find_session ||
			fatal "$target: logged in, but no session came of it in $LIMIT s"
		note_session ours
	elif [ "$host" != "$(known_host "$key")" ]; then
		note_session theirs
	fi
	unlock
}

# Of a disk that is to be forgotten: log out if nobody else uses the session.
close_session() {
	local number
	local -a session

	lock "sessions/$1"
	# Not after the lock: two that end at once would each find the other's.
	forget "session $1"
	if [ -e "$STATE/sessions/$1" ] && ! used session "$1"; then
		mapfile -t session <"$STATE/sessions/$1"
		number=$(known_host "$1")
		if [ "${session[0]}" = ours ] && ! logout "${number:-none}" "${session[3]}"; then
			log err "cannot log out: $REPLY"
		fi
		rm -f "$STATE/sessions/$1"
	fi
	unlock
}

# ---- disks -----------------------------------------------------------------

# The disk of $lun in $devices, in $REPLY: its name.
find_disk() {
	local block

	for block in "$devices"/target*/*:*:*:"$lun"/block/*; do
		REPLY=${block##*/}
		[ -e "$block" ] && [ -e "$DEV/$REPLY" ] && return 0
	done
	return 1
}

# Wait for the disk of the session that was opened last; in $REPLY.
await_disk() {
	find_disk && return 0
	# It may have come into being after the session.
	echo "- - $lun" >"$SYS/class/scsi_host/host$host/scan" || true
	wait_for find_disk || fatal "$target: logged in, but LUN $lun did not come in $LIMIT s"
}

# What tells the disk from others, in $REPLY, by any path to it.
disk_identity() {
	REPLY=$(cat "$SYS/block/$1/device/wwid" 2>/dev/null || true)
	[ -n "$REPLY" ] || REPLY="device $(cat "$SYS/block/$1/dev")"
}

# The multipath map of all disks given, in $REPLY.
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

# The map of all of them, made if there is none; in $REPLY.
multipath_map() {
	local name identity said

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
	# Whose is one that is there? If another guest's, it is also ours to take away.
	if common_map "$@"; then
		if used map "$REPLY"; then
			remember map "$REPLY"
		fi
		return
	fi
	# multipath asks udev what a disk is called.
	udevadm settle --timeout="$(left)" || true
	for name; do
		said=$(timeout "$(left)" multipath -a "$DEV/$name" 2>&1) ||
			fatal "multipath -a $name: $said"
	done
	said=$(timeout "$(left)" multipath -v1 "$DEV/$1" 2>&1) || fatal "multipath $1: $said"
	wait_for common_map "$@" || fatal "multipath made no map of $* in $LIMIT s"
	remember map "$REPLY"
}

# Two guests may read a disk, or one write: as Xen's own script for block devices.
claim_disk() {
	local identity=$1 mode file other frontend

	mode=$(canonicalise_mode "$(xenstore_read "$XENBUS_PATH/mode")")
	frontend=$(xenstore_read "$XENBUS_PATH/frontend-id")
	# Those are same_vm's, of block-common.sh.
	export FRONTEND_ID=$frontend FRONTEND_UUID
	FRONTEND_UUID=$(xenstore_read_default "/local/domain/$FRONTEND_ID/vm" unknown)
	lock disks
	for file in "$STATE"/users/*; do
		if [ "$file" = "$user" ] || [ "$mode" = '!' ] ||
			[ "$mode$(of "$file" mode)" = rr ] ||
			! grep -qxF -- "disk $identity" "$file" || ! lives "$file"; then
			continue
		fi
		other=$(of "$file" path)
		other=$(xenstore_read_default "$other/frontend-id" unknown)
		same_vm "$other" ||
			fatal "the disk is in use by domain $other, and one of the two may write"
	done
	remember disk "$identity"
	remember mode "$mode"
	unlock
}

# ---- the life of a guest's disk ----------------------------------------------

# Take a multipath map away that $user alone had.
flush_map() {
	local name map path said

	lock disks
	map=$(of "$user" map)
	forget map
	if [ -n "$map" ] && ! used map "$map" && [ -e "$SYS/block/$map" ]; then
		name=$(cat "$SYS/block/$map/dm/name")
		for path in "$SYS/block/$map/slaves"/*; do
			timeout "$(left)" multipath -w "$DEV/${path##*/}" >/dev/null 2>&1 ||
				log info "multipath -w ${path##*/} failed"
		done
		said=$(without_lock timeout "$(left)" multipath -f "$name" 2>&1) ||
			log err "cannot flush the multipath map $name: $said"
	fi
	unlock
}

# Forget the disk of a file, and end what only it used.
release() {
	local key
	local -a keys

	user=$1
	flush_map
	mapfile -t keys < <(of "$user" session)
	for key in "${keys[@]}"; do
		close_session "$key"
	done
	rm -f "$user"
}

# Guests that went while nobody ran this, or whose script was killed.
release_dead() {
	local file

	for file in "$STATE"/users/*; do
		[ -e "$file" ] || continue
		lives "$file" || release "$file"
	done
}

# What came of an add that failed, with the time that libxl leaves us. The reason stays.
roll_back() {
	trap - ERR EXIT
	set +e
	unlock
	deadline=$((SECONDS + ROLL_BACK))
	if ! xenstore-exists "$XENBUS_PATH/hotplug-error" 2>/dev/null; then
		(fatal "$0 failed; its log is /var/log/xen/xen-hotplug.log")
	fi
	# shellcheck disable=SC2317 # release calls it
	fatal() {
		log err "$@"
		exit 1
	}
	user_file "$XENBUS_PATH"
	[ ! -e "$REPLY" ] || release "$REPLY"
	exit 1
}

add() {
	local text one
	local -a targets disks=()

	trap roll_back EXIT
	text=$(xenstore-read "$XENBUS_PATH/params" 2>/dev/null || true)
	[ -n "$text" ] || fatal "the disk has no target="
	# All of it makes sense before anything is done.
	IFS=';' read -r -a targets <<<"$text"
	for one in "${targets[@]}"; do
		parse_target "$one"
	done
	release_dead
	# Of a script that was killed.
	user_file "$XENBUS_PATH"
	[ ! -e "$REPLY" ] || release "$REPLY"
	user_file "$XENBUS_PATH"
	user=$REPLY
	remember path "$XENBUS_PATH"
	for one in "${targets[@]}"; do
		parse_target "$one"
		open_session
		await_disk
		disks+=("$REPLY")
	done
	disk_identity "${disks[0]}"
	claim_disk "$REPLY"
	REPLY=${disks[0]}
	if [ ${#disks[@]} -gt 1 ]; then
		multipath_map "${disks[@]}"
	fi
	write_dev "$DEV/$REPLY"
	trap - EXIT
}

remove() {
	user_file "$XENBUS_PATH"
	if [ -e "$REPLY" ]; then
		release "$REPLY"
	fi
}

ib_block_main() {
	mkdir -p "$STATE/sessions" "$STATE/users"
	case $command in
	add) add ;;
	remove) remove ;;
	esac
}
