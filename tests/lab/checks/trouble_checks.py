# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user's program sees when a part of what carries it goes away or runs out."""

import re
import subprocess
from pathlib import Path
from typing import Optional

from mainjob import device, pair, perftest, pingpong
from mainjob.pair import Pair
from mainjob.perftest import Perftest
from mainjob.pingpong import Pingpong

from . import traffic
from .lab_check import GUESTS, LabCheck
from .oracle import Oracle
from .traffic import Traffic

# Far more than a check lets it do.
ENDLESS = 50_000_000
# RC's retries (perftest: timeout 14, 7 retries: 0.5 s) under emulation.
ENDS_WITHIN = 60

FILLER = Path(__file__).with_name("guest") / "register_until_full.py"
DEVICE_MEMORY = Path(__file__).with_name("guest") / "device_memory.py"
DEVICE_MEMORY_REFUSED = DEVICE_MEMORY.with_name("device_memory_refused.py")
PAGES = 1024
EXHAUSTED = r"gnttab_max_frames|max_grant_frames|max_maptrack_frames"


class TroubleChecks(LabCheck):
    """Each with programs that transfer between g1, which is passive, and g2."""

    def write_bw(self) -> Pair:
        words = Perftest("ib_write_bw", 65536, 0, 0).words(device.VIB, ENDLESS)
        # -N: no peak, which would keep the time of each of so many
        return self.moving([*words, "-N"])

    def send_bw(self) -> Pair:
        return self.moving([*Perftest("ib_send_bw", 65536, 0, 0, ("-e",)).words(
            device.VIB, ENDLESS), "-N"])

    def rc_pingpong(self) -> Pair:
        return self.moving(Pingpong("rc", iterations=ENDLESS, events=True).words(device.VIB))

    def traffic(self, client: str, server: str) -> Traffic:
        """Every request's status is counted: what programs of Debian do not say."""
        for guest in (client, server):
            traffic.install(self.host, guest)
        running = Traffic(self.host, client, server)
        self.addCleanup(running.forget)
        return running

    def moving(self, words: list[str]) -> Pair:
        """Start a program that would go on for long, and see it transfer."""
        running = Pair(self.host, words, words, timeout=300)
        self.addCleanup(running.forget)
        running.moves()
        return running

    def fresh_run(self) -> None:
        """What a user would try next works."""
        test = Pingpong("rc", iterations=20, events=True)
        self.assertEqual(
            pingpong.problems(test, pingpong.run(self.host, device.VIB, test)), [])
        write = Perftest("ib_write_bw", 65536, 100, 100)
        outcome = perftest.run(self.host, device.VIB, write, 100)
        self.assertIsNotNone(perftest.figure(write, outcome),
                             outcome.problems() or outcome.client.output)

    def ends_with_an_error(self, running: Pair) -> pair.Ended:
        """The client ends by itself, and says that something was wrong."""
        ended = running.client(ENDS_WITHIN)
        self.assertNotIn(ended.status, (0, 124, 137), ended.output)
        return ended

    # ---- what goes away -----------------------------------------------------

    def test_ibback_killed_under_programs(self) -> None:
        programs = self.write_bw(), self.rc_pingpong()
        counting = self.traffic("g2", "g1")
        self.host.daemon("kill9", "ibback")
        for half in counting.halves():
            self.lost_its_backend(half.ended())
        for running in programs:
            self.ends_with_an_error(running)
            running.forget()
        self.host.daemon("start", "ibback")
        for guest in GUESTS:
            self.host.port_is(guest, "ACTIVE")
        self.fresh_run()
        self.assertEqual(self.complaints(), "")

    def test_device_memory_outlives_ibback(self) -> None:
        self.host.lab("cp", str(DEVICE_MEMORY), "g2:/tmp/device_memory.py")
        self.host.sh("g2", "rm -f /tmp/device_memory")
        program = self.host.start("g2", "python3 /tmp/device_memory.py vib0 "
                                  ">/tmp/device_memory 2>&1", 300)
        self.addCleanup(program.communicate)
        self.addCleanup(program.kill)
        self.host.until("g2", "grep -q '^registered\\|^wrong\\|Error' /tmp/device_memory")
        self.kill_ibback()
        program.wait(ENDS_WITHIN)
        self.assertEqual(self.host.sh("g2", "cat /tmp/device_memory"), "registered\nright")
        self.assertEqual(self.complaints(), "")

    def test_peer_destroyed_in_mid_transfer(self) -> None:
        oracle, old = Oracle(self.host), self.host.domid("g1")
        # Not a pingpong: if the peer dies with the ball, nothing is outstanding
        # that could fail, on no RC connection.
        programs = self.write_bw(), self.send_bw()
        counting = self.traffic("g2", "g1")
        self.host.sh("dom0", "xl destroy g1")
        counting.server.abandon()
        self.retries_exceeded(counting.client.ended())
        for running in programs:
            self.ends_with_an_error(running)
        self.assertEqual(oracle.leftovers(old), [])
        self.new_guest("g1")
        self.host.port_is("g1", "ACTIVE")
        for running in programs:
            running.forget()  # only now is there somebody to ask
        self.fresh_run()
        self.assertEqual(oracle.growth(), [])
        self.assertEqual(self.complaints(), "")

    def test_frontend_unloaded_under_load(self) -> None:
        running = self.write_bw()
        counting = self.traffic("g1", "g2")
        self.host.sh("g2", "timeout 60 rmmod ibfront && ! test -e /sys/class/infiniband/vib0")
        self.lost_its_device(counting.server.ended())
        self.retries_exceeded(counting.client.ended())
        # A program that polls need not notice that its device is gone; it can be ended.
        running.forget()
        self.host.sh("g2", "modprobe ibfront")
        self.host.port_is("g2", "ACTIVE")
        self.fresh_run()
        self.assertEqual(self.complaints(), "")

    # ---- what is asked for and not allowed ------------------------------------

    def test_device_memory_beyond_its_bounds(self) -> None:
        """A program's own: what the backend is asked for that way vib_hostile asks."""
        self.host.lab("cp", str(DEVICE_MEMORY_REFUSED), "g2:/tmp/device_memory_refused.py")
        oracle = Oracle(self.host)
        self.assertEqual(self.host.sh("g2", "python3 /tmp/device_memory_refused.py vib0 2>&1", 300),
                         "right")
        self.fresh_run()
        self.assertEqual(oracle.growth(), [])
        self.assertEqual(self.complaints(), "")

    # ---- what runs out --------------------------------------------------------

    def test_grants_exhausted(self) -> None:
        oracle = Oracle(self.host)
        self.host.lab("cp", str(FILLER), "g2:/tmp/fill.py")
        log = self.host.sh("dom0", "wc -l </var/log/xen-ib/ibback.log")
        holder = self.host.start("g2", "python3 /tmp/fill.py vib0 "
                                 f"{PAGES} >/tmp/filled 2>&1 & echo $! >/tmp/filler; wait", 300)
        self.addCleanup(self.end_filler, holder)
        self.host.until("g2", "grep -q '^registered\\|Error' /tmp/filled", 180)
        said = self.host.sh("g2", "cat /tmp/filled")
        self.assertRegex(said, r"refused (ENOSPC|ENOMEM)")
        count = int(re.search(r"registered (\d+)", said)[1])
        self.assertIsNotNone(self.exhaustion(log), "no line names the setting that is too low")

        # what worked goes on: the network, which needs grants, and the vib
        self.host.sh("g2", "ping -c 3 -W 10 10.77.0.1")
        self.assertIn("PORT_ACTIVE", self.host.sh("g2", "ibv_devinfo -d vib0"))

        self.end_filler(holder)
        again = self.host.sh("g2", f"python3 /tmp/fill.py vib0 {PAGES} {count}", 180)
        self.assertIn(f"registered {count}", again)
        self.assertNotIn("refused", again)
        self.fresh_run()
        self.assertEqual(oracle.growth(), [])
        self.assertEqual(self.complaints(), "")

    def exhaustion(self, logged: str) -> Optional[str]:
        """The line, the guest's or ibback's, that says what to raise."""
        said = self.host.sh("g2", "dmesg") + self.host.sh(
            "dom0", f"tail -n +{int(logged) + 1} /var/log/xen-ib/ibback.log")
        return next((line for line in said.splitlines() if re.search(EXHAUSTED, line)), None)

    def end_filler(self, holder: subprocess.Popen) -> None:
        self.host.attempt("g2", "kill -9 $(cat /tmp/filler)", 20)
        holder.communicate(timeout=60)
