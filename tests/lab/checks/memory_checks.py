# SPDX-License-Identifier: GPL-2.0-or-later
"""A memory region of 1 GiB: with the settings that it takes, and without each of them.

What is refused names the setting and a value; with that value it works. The values are
those of README.md, "Large memory".
"""

import re
import subprocess
from pathlib import Path
from typing import Callable

from .host import PATIENCE
from .lab_check import LabCheck
from .oracle import Oracle

PROGRAM = Path(__file__).resolve().parent / "guest" / "big_region.py"
HOLDER = "10.77.0.2"  # g2
MIB = 1024
# The guest's memory: the region, and the guest itself.
MEMORY_MB = 1536
DEFAULT_GRANT_FRAMES = 64
GRANT_FRAMES = DEFAULT_GRANT_FRAMES + MIB // 2
MAPTRACK_FRAMES = 1024 + MIB * 2
POOL_MIB = 64  # that ibfront lends for each vib
MAX_MEM = MIB + POOL_MIB + 1
# Beside region and pool 2048 grants are left free, and a network device has 512.
TOO_FEW_FRAMES = (MIB + POOL_MIB) // 2 + 2048 // 512 + 1
# 1 GiB is touched for the first time, mapped and read.
LONG_PATIENCE = 4 * PATIENCE

# What `lab up` is told: g2 comes with a config of ours.
ONE_GUEST = ("--guests", "1")


def no_grants(frames: int) -> str:
    return (rf"max_grant_frames is {frames} .* had to be (\d+) "
            r"\(as had Xen's gnttab_max_frames\)")


class BigGuest(LabCheck):
    """g2 has room for the region; g1 is its peer."""

    config = [f"max_grant_frames = {GRANT_FRAMES}"]  # further lines of g2's
    vib = f"max_mem={MAX_MEM}"

    def setUp(self) -> None:
        super().setUp()
        for guest in ("g1", "g2"):
            self.bring_program(guest)

    def host_config(self, guest: str) -> str:
        text = super().host_config(guest)
        if guest != "g2":
            return text
        text = re.sub(r"(?m)^vib =.*$", f"vib = [ '{self.vib}' ]", text)
        text = re.sub(r"(?m)^memory =.*$", f"memory = {MEMORY_MB}", text)
        return "\n".join([text, *self.config, ""])

    def bring_program(self, guest: str) -> None:
        self.host.lab("cp", str(PROGRAM), f"{guest}:/tmp/big.py")

    def hold(self, rounds: int = 1, before: str = "") -> subprocess.Popen:
        """Start the holder in g2, after a piece of shell that ends with a space."""
        self.host.sh("g2", "rm -f /tmp/held")
        holder = self.host.start("g2", f"{before}python3 /tmp/big.py hold vib0 {MIB} {rounds} "
                                 ">/tmp/held 2>&1 & echo $! >/tmp/holder; wait", 3 * LONG_PATIENCE)
        self.addCleanup(self.end_holder, holder)
        return holder

    def end_holder(self, holder: subprocess.Popen) -> None:
        self.host.attempt("g2", "kill -9 $(cat /tmp/holder)", 20)
        holder.communicate(timeout=LONG_PATIENCE)

    def held(self, word: str, times: int = 1) -> str:
        """Wait for what the holder says to have that many such lines, or its last words."""
        self.host.until("g2", f"test $(grep -c ^{word} /tmp/held) -ge {times} || "
                        "grep -q '^refused\\|^wrong\\|Error' /tmp/held", LONG_PATIENCE)
        return self.host.sh("g2", "cat /tmp/held")

    def registers(self, before: str = "") -> subprocess.Popen:
        holder = self.hold(before=before)
        self.assertRegex(self.held("registered"), r"(?m)^registered")
        return holder

    def is_refused(self, error: str, log: Callable[[], str], line: str, before: str = "") -> int:
        """The holder is refused, and a line names the value that would do."""
        known = len(log())
        holder = self.hold(before=before)
        self.assertRegex(self.held("refused"), rf"(?m)^refused {error}$")
        holder.communicate(timeout=LONG_PATIENCE)
        said = log()[known:]
        found = re.search(line, said)
        self.assertIsNotNone(found, f"no line {line!r} in: {said}")
        self.everything_else_works()
        return int(found[1])

    def guest_log(self) -> str:
        return self.host.sh("g2", "dmesg")

    def ibback_log(self) -> str:
        return self.host.sh("dom0", "cat /var/log/xen-ib/ibback.log")

    def everything_else_works(self) -> None:
        self.host.sh("g2", "ping -c 2 -W 10 10.77.0.1 && ibv_devinfo -d vib0 | grep ACTIVE")
        self.host.sh("g1", "ibv_devinfo -d vib0 | grep ACTIVE")

    def peer(self) -> None:
        """g1 reads and writes every page of what g2 holds."""
        self.assertEqual(self.host.sh("g1", f"python3 /tmp/big.py peer vib0 {HOLDER}",
                                      LONG_PATIENCE),
                         "right")
        self.assertNotIn("wrong", self.held("right"))


class GrantsChecks(BigGuest):
    """The guest has one grant frame too few, and then what it was told to have."""

    config = [f"max_grant_frames = {TOO_FEW_FRAMES}"]

    def test_max_grant_frames(self) -> None:
        named = self.is_refused("ENOSPC", self.guest_log, no_grants(TOO_FEW_FRAMES))
        self.assertLessEqual(named, GRANT_FRAMES)
        self.host.lab("guest", "destroy", "g2")
        self.config = [f"max_grant_frames = {named}"]
        self.new_guest("g2")
        self.host.port_is("g2", "ACTIVE")
        self.bring_program("g2")
        self.end_holder(self.registers())
        self.assertEqual(self.complaints(), "")


class MemoryChecks(BigGuest):
    """Xen has the words of its command line that it takes."""

    def test_ulimit(self) -> None:
        """Of users without CAP_IPC_LOCK."""
        user = "setpriv --reuid nobody --clear-groups --inh-caps=-all "
        self.host.sh("g2", "chmod 644 /tmp/big.py")
        named = self.is_refused("ENOMEM", self.guest_log, r"ulimit -l is 8192 KiB, and had to be (\d+)",
                                f"ulimit -l 8192; {user}")
        self.end_holder(self.registers(f"ulimit -l {named}; {user}"))
        self.assertEqual(self.complaints(), "")

    def test_max_mem(self) -> None:
        self.new_vib(f"max_mem={MIB + POOL_MIB}")
        named = self.is_refused("ENOMEM", self.ibback_log, r"; max_mem=(\d+) would do")
        self.new_vib(f"max_mem={named}")
        self.end_holder(self.registers())
        self.assertEqual(self.complaints(), "")

    def new_vib(self, line: str) -> None:
        self.host.sh("dom0", "vibctl detach g2 0")
        self.host.until("g2", "! test -e /sys/class/infiniband/vib0")
        self.host.sh("dom0", f"vibctl attach g2 {line}")
        self.host.port_is("g2", "ACTIVE")

    def test_every_page_is_reached_and_comes_back(self) -> None:
        oracle = Oracle(self.host)
        holder = self.hold(rounds=2)
        for turn in (1, 2):
            said = self.held("registered", turn)
            self.assertEqual(len(re.findall(r"(?m)^registered", said)), turn, said)
            self.peer()
        print(self.held("right", 2).replace("\n", ", "), end=" ", flush=True)
        self.end_holder(holder)
        self.host.poll("ibback has let go of the region", lambda: not oracle.growth(), LONG_PATIENCE)
        self.everything_else_works()
        self.assertEqual(self.complaints(), "")

    def test_killed_while_it_registers(self) -> None:
        oracle = Oracle(self.host)
        holder = self.hold()
        self.host.until("g2", "grep -q vib_mr_register /proc/$(cat /tmp/holder)/stack", LONG_PATIENCE)
        self.end_holder(holder)
        self.host.poll("ibback has let go of the region", lambda: not oracle.growth(), LONG_PATIENCE)
        self.end_holder(self.registers())
        self.assertEqual(self.complaints(), "")

    def test_guest_destroyed_while_it_holds(self) -> None:
        oracle, domid = Oracle(self.host), self.host.domid("g2")
        self.registers()
        self.host.lab("guest", "destroy", "g2")
        self.assertEqual(oracle.leftovers(domid), [])
        self.assertIn("ACTIVE", self.host.sh("g1", "ibv_devinfo -d vib0"))


class NoMaptrackChecks(BigGuest):
    """Xen has the words that guests take, and not what Dom0 takes."""

    def test_maptrack_frames(self) -> None:
        named = self.is_refused("ENOSPC", self.ibback_log,
                                r"gnttab_max_maptrack_frames=(\d+) would do")
        # What MemoryChecks run with; there are queues and the pools of both guests, too.
        self.assertGreaterEqual(named, MAPTRACK_FRAMES)
        self.assertLessEqual(named, MAPTRACK_FRAMES + 2 * 2 * POOL_MIB + 1)
        self.assertEqual(self.complaints(), "")


class PlainXenChecks(BigGuest):
    """Xen as it is."""

    config: list[str] = []

    def test_grant_frames(self) -> None:
        named = self.is_refused("ENOSPC", self.guest_log, no_grants(DEFAULT_GRANT_FRAMES))
        self.assertLessEqual(named, GRANT_FRAMES)
        self.assertEqual(self.complaints(), "")


# The checks, and the words of Xen's line that go with them.
XENS: list[tuple[tuple[type[BigGuest], ...], tuple[str, ...]]] = [
    ((GrantsChecks, MemoryChecks), ("--xen", f"gnttab_max_frames={GRANT_FRAMES} "
                                    f"gnttab_max_maptrack_frames={MAPTRACK_FRAMES}")),
    ((NoMaptrackChecks,), ("--xen", f"gnttab_max_frames={GRANT_FRAMES}")),
    ((PlainXenChecks,), ()),
]
