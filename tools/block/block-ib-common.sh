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
#   login		log in to that, with login_begins before anything is done; fatal
#			says why not, after login_failed. May set $login_note, which it has
#			again if it begins anew, and logout is given
#   find_session	sets $host, the number of the SCSI host of that session, and
#			$devices, the folder of sysfs that has its SCSI targets; fails if
#			there is no such session
#   logout HOST NOTE	end a session, if there is this host; fails, having said why in
#			$REPLY
#
# State, below $STATE, which ends with the host's boot:
#
#   users/PATH		a disk of a guest, by its path in xenstore: lines of a word and a
#			value: session, disk, mode, map
#   sessions/KEY	a session that these scripts use: "ours" if they made it, "begun" if
#			nobody has seen yet what became of that, else "theirs"; its SCSI
#			host, and host_id of that; $login_note, or "-"; a line each
#   sessions/KEY.lock	held while a session begins or ends
#   disks.lock		held while it is decided who may have a disk, or who has a map
#   dead.lock		held while what guests left behind is ended
#
# How many use a session is counted, from users/, and kept nowhere: a script that is
# killed leaves no count that is wrong.

# Each of these has variables of the others':
# shellcheck disable=SC2034,SC2154

# shellcheck source=/dev/null
. "$dir/block-ib-claim.sh"
# shellcheck source=/dev/null
. "$dir/block-ib-map.sh"

# These are replaced by tests.
SYS=${XEN_IB_BLOCK_SYS:-/sys}
PROC=${XEN_IB_BLOCK_PROC:-/proc}
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

# without_lock COMMAND...: what it starts and leaves behind does not hold our locks.
without_lock() {
	"$@" 8>&- 9>&-
}

# ---- users -----------------------------------------------------------------

# The file of the disk at a path of xenstore, in $REPLY.
user_file() {
	REPLY=$STATE/users/${1//\//!}
}

remember() {
	printf '%s %s\n' "$1" "$2" >>"$user"
}

# The path in xenstore of the disk of a file, in $REPLY.
user_path() {
	REPLY=${1##*/}
	REPLY=${REPLY//!//}
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
	local REPLY

	user_path "$1"
	xenstore-exists "$REPLY" 2>/dev/null
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

# Who is killed from here on leaves a session that is known to be ours.
login_begins() {
	printf '%s\n' begun - - "${login_note:--}" >"$STATE/sessions/$key"
}

# Nothing comes of it.
login_failed() {
	rm -f "$STATE/sessions/$key"
}

# The session of the target that was parsed, logged in if there is none. Sets $devices.
open_session() {
	local sum
	local -a noted=()

	resolve_target
	sum=$(printf '%s' "$target" | sha256sum)
	key=${sum:0:32}
	lock "sessions/$key"
	remember session "$key"
	login_note='' logged_in=''
	[ ! -e "$STATE/sessions/$key" ] || mapfile -t noted <"$STATE/sessions/$key"
	if [ "${noted[0]:-}" = begun ]; then
		logged_in=1
		login_note=${noted[3]#-}
	fi
	if ! find_session; then
		log info "logging in: $target"
		login
		logged_in=1
		wait_for find_session ||
			fatal "$target: logged in, but no session came of it in $LIMIT s"
		note_session ours
	elif [ -n "$logged_in" ]; then
		note_session ours
	elif [ "$host" != "$(known_host "$key")" ]; then
		note_session theirs
	fi
	unlock
}

# Of a disk that is to be forgotten: log out if nobody else uses the session. If that
# fails it is still the disk's.
close_session() {
	local number status=0
	local -a session

	lock "sessions/$1"
	# Not after the lock: two that end at once would each find the other's.
	forget "session $1"
	if [ -e "$STATE/sessions/$1" ] && ! used session "$1"; then
		mapfile -t session <"$STATE/sessions/$1"
		number=$(known_host "$1")
		if [ "${session[0]}" = ours ] && ! logout "${number:-none}" "${session[3]}"; then
			log err "cannot log out: $REPLY"
			remember session "$1"
			status=1
		elif [ "${session[0]}" != begun ]; then
			rm -f "$STATE/sessions/$1"
		fi
	fi
	unlock
	return $status
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
	# It may have come into being after the session. Nobody could end the one who asks, for
	# as long as the target does not answer.
	# shellcheck disable=SC2016 # the inner shell's
	without_lock bash -c 'echo "- - $1" >"$2"' - "$lun" \
		"$SYS/class/scsi_host/host$host/scan" >/dev/null 2>&1 &
	wait_for find_disk || fatal "$target: logged in, but LUN $lun did not come in $LIMIT s"
}

# What tells the disk from others, in $REPLY, by any path to it.
disk_identity() {
	REPLY=$(cat "$SYS/block/$1/device/wwid" 2>/dev/null || true)
	[ -n "$REPLY" ] || REPLY="device $(cat "$SYS/block/$1/dev")"
}

# Forget the disk of a file, and end what only it used. What could not be ended stays in it.
release() {
	local key status=0
	local -a keys

	user=$1
	forget disk
	forget mode
	flush_map || status=1
	mapfile -t keys < <(of "$user" session)
	for key in "${keys[@]}"; do
		close_session "$key" || status=1
	done
	[ $status -ne 0 ] || rm -f "$user"
}

# Guests that went while nobody ran this, or whose script was killed; one script at a time.
# It has some of our time, and what fails fails for another one to try.
# shellcheck disable=SC2317 # what release calls
release_dead() (
	trap - ERR EXIT
	set +e
	deadline=$((SECONDS + ROLL_BACK))
	fatal() {
		log err "$@"
		exit 1
	}
	exec 8>"$STATE/dead.lock"
	flock -n 8 || exit
	# Else it cannot be asked who is there.
	xenstore-exists "$XENBUS_PATH" 2>/dev/null || exit
	for file in "$STATE"/users/*; do
		[ ! -e "$file" ] || lives "$file" || release "$file"
	done
)

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
	# As Xen's own script: it has been added.
	if xenstore-exists "$XENBUS_PATH/physical-device" 2>/dev/null; then
		trap - EXIT
		return
	fi
	text=$(xenstore-read "$XENBUS_PATH/params" 2>/dev/null || true)
	[ -n "$text" ] || fatal "the disk has no target="
	# All of it makes sense before anything is done.
	IFS=';' read -r -a targets <<<"$text"
	for one in "${targets[@]}"; do
		parse_target "$one"
	done
	release_dead || true
	# Of a script that was killed.
	user_file "$XENBUS_PATH"
	[ ! -e "$REPLY" ] || release "$REPLY"
	user_file "$XENBUS_PATH"
	user=$REPLY
	: >>"$user"
	for one in "${targets[@]}"; do
		parse_target "$one"
		open_session
		await_disk
		disks+=("$REPLY")
	done
	claim_disk "${disks[@]}"
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
	release_dead || true
}

ib_block_main() {
	mkdir -p "$STATE/sessions" "$STATE/users"
	case $command in
	add) add ;;
	remove) remove ;;
	esac
}
