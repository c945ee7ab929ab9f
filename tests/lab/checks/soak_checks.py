# SPDX-License-Identifier: GPL-2.0-or-later
"""What must not add up: guests that come and go, a backend that is killed again and again."""

import itertools
import shlex
import time

from . import census, traffic
from .lab_check import GUESTS
from .soak import WARM_UP, Soak, memory
from .traffic import Summary, Traffic

PINGPONG_PORT = 18600


class SoakChecks(Soak):
    """Programs' traffic, and guests and backends that end under it."""

    def setUp(self) -> None:
        super().setUp()
        for guest in GUESTS:
            traffic.install(self.host, guest)

    # ---- guests ---------------------------------------------------------------

    def test_guests_come_and_go_under_traffic(self) -> None:
        """Shut down, destroyed, its module unloaded: g2, with traffic to and from g1."""
        ways = itertools.cycle((self.shut_down, self.destroy, self.unload))
        self.end_g2()
        before = self.taken(("g1",))
        rounds = self.times(50)
        warm = None
        for number, way in zip(range(1, rounds + 1), ways):
            began = time.monotonic()
            self.new_guest("g2")
            self.host.port_is("g2", "ACTIVE")
            traffic.install(self.host, "g2")
            way()
            self.end_g2()
            now = self.settled(("g1",), before)
            print(f"round {number}, {way.__name__}: {time.monotonic() - began:.0f} s, "
                  f"{memory(now)}", flush=True)
            self.assertEqual(self.complaints(("g1",)) + self.consoles(), "")
            if number == min(WARM_UP, rounds - 1):
                warm = now
        self.assertEqual(census.growth(warm, now, memory=True), [])
        self.new_guest("g2")

    def both_ways(self) -> tuple[Traffic, Traffic]:
        """From g1 to g2, and from g2 to g1."""
        both = (Traffic(self.host, "g1", "g2"), Traffic(self.host, "g2", "g1"))
        for one in both:
            self.addCleanup(one.forget)
        return both

    def shut_down(self) -> None:
        there, here = self.both_ways()
        self.host.sh("dom0", "xl shutdown -w g2", 240)
        self.peer_is_gone(there, here)

    def destroy(self) -> None:
        there, here = self.both_ways()
        self.host.sh("dom0", "xl destroy g2")
        self.peer_is_gone(there, here)

    def unload(self) -> None:
        there, here = self.both_ways()
        self.host.sh("g2", "timeout 60 rmmod ibfront && ! test -e /sys/class/infiniband/vib0")
        for half in (there.server, here.client):
            self.lost_its_device(half.ended())
        self.peer_is_gone(there, here)

    def peer_is_gone(self, there: Traffic, here: Traffic) -> None:
        """What g1 sees: its requests find nobody; what it lends is used by nobody."""
        self.retries_exceeded(there.client.ended())
        self.assertEqual(here.server.stop().corrupt, 0)
        for half in (there.server, here.client):
            half.abandon()

    # ---- the backend ------------------------------------------------------------

    def test_ibback_killed_again_and_again_under_traffic(self) -> None:
        for one in self.both_ways():  # fills the allocators' caches
            one.client.stop()
            one.server.ended()
        before = self.taken(GUESTS)
        both = [Traffic(self.host, client, server, "-r")
                for client, server in (("g1", "g2"), ("g2", "g1"))]
        halves = [half for one in both for half in one.halves()]
        for one in both:
            self.addCleanup(one.forget)
        self.start_pingpongs()
        kills = self.times(20)
        for number in range(1, kills + 1):
            began = time.monotonic()
            connects = [half.connects() for half in halves]
            self.host.daemon("kill9", "ibback")
            for guest in GUESTS:
                self.host.port_is(guest, "DOWN")
            self.host.daemon("start", "ibback")
            for half, times in zip(halves, connects):
                half.connected(times + 1)
            print(f"kill {number}: flows again after {time.monotonic() - began:.0f} s", flush=True)
        self.pingpongs_went_on()
        for one in both:
            for summary in (one.client.stop(), one.server.ended()):
                self.survived(summary, kills)
        now = self.settled(GUESTS, before)
        print(memory(now), flush=True)
        self.assertEqual(census.growth(before, now, memory=True), [])
        self.assertEqual(self.complaints() + self.consoles(), "")

    def survived(self, summary: Summary, kills: int) -> None:
        said = summary.output[-2000:]
        self.assertEqual((summary.status, summary.corrupt, summary.lost), (0, 0, 0), said)
        self.assertGreaterEqual(summary.reconnects, kills, said)
        self.assertGreaterEqual(summary.completions.get("flush", 0), kills, said)
        for event in ("PORT_ERR", "PORT_ACTIVE", "QP_FATAL"):
            self.assertGreaterEqual(summary.events.get(event, 0), kills, said)

    def start_pingpongs(self) -> None:
        """Debian's own program, again and again, whatever becomes of each."""
        for guest, peer in (("g1", ""), ("g2", traffic.address("g1"))):
            loop = ("echo $$ >/run/pingpongs; while :; do timeout --foreground 60 ibv_rc_pingpong -d vib0 "
                    f"-e -c -n 100 -p {PINGPONG_PORT} {peer}; sleep 1; done >/tmp/pingpongs 2>&1")
            running = self.host.start(guest, f"setsid sh -c {shlex.quote(loop)}", traffic.ENDLESS)
            self.addCleanup(running.communicate)
            self.addCleanup(self.end_pingpongs, guest)
            self.host.until(guest, "test -s /run/pingpongs")

    def end_pingpongs(self, guest: str) -> None:
        self.host.attempt(guest, "read -r p </run/pingpongs && rm /run/pingpongs && "
                          "kill -s KILL -- -$p", 20)

    def pingpongs_went_on(self) -> None:
        """They work after all that, and never got wrong data."""
        for guest in GUESTS:
            done = self.host.sh(guest, "grep -c 'iters in' /tmp/pingpongs || true")
            self.host.until(guest, f"test $(grep -c 'iters in' /tmp/pingpongs) -gt {done}", 180)
        for guest in GUESTS:  # each needs the other's
            self.end_pingpongs(guest)
            self.host.sh(guest, "! grep 'invalid data' /tmp/pingpongs")
