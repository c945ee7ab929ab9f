# SPDX-License-Identifier: GPL-2.0-or-later
"""A pair at work beside a guest that does all the evil it can."""

import json
import os
import re
import time

from mainjob.pair import Pair

from .hostile_guest import HostileGuest, Victim
from .lab_check import LabCheck
from .oracle import Oracle
from .sanitized import TOP, Sanitized

TRAFFIC = TOP / "build/bin/traffic"
# Seconds of attack: as a check of many, and by itself. It goes on until every kind
# of attack was made, as a machine that is busy makes few; but not for ever.
SHORT, LONG = 60, 600
AT_MOST = 4
BASELINE = 15
# Of the pair's fair share, which beside one other is the half.
LEAST = 0.5


class Run:
    """The pair, at work for some seconds."""

    def __init__(self, check: "HostileChecks", seconds: int) -> None:
        # Both sleep: what spins in a guest keeps the others of its processor waiting.
        words = ["/tmp/traffic", "-e", "-d", check.device, "-t", str(seconds)]
        self._pair = Pair(check.host, words, words, seconds + 300)
        check.addCleanup(self._pair.forget)
        self._pair.moves()

    def said(self) -> str:
        return self._pair.said()

    def bytes(self) -> tuple[float, float]:
        """Seconds since it began, and bytes verified until then."""
        lines = re.findall(r"^(\d+) s: (\d+) bytes", self.said(), re.MULTILINE)
        return (float(lines[-1][0]), float(lines[-1][1])) if lines else (0.0, 0.0)

    def runs(self) -> bool:
        return self._pair.runs()

    def interrupt(self) -> None:
        self._pair.interrupt()

    def end(self) -> dict:
        """The client's last line, when both have ended well."""
        outcome = self._pair.outcome()
        if outcome.problems():
            raise AssertionError("\n".join(outcome.problems()))
        return json.loads(outcome.client.output.splitlines()[-1])


class HostileChecks(LabCheck):
    """g1 and g2 are the pair, g3 is hostile; ibback has sanitizers."""

    def setUp(self) -> None:
        super().setUp()
        for guest in ("g1", "g2"):
            self.host.lab("cp", str(TRAFFIC), f"{guest}:/tmp/traffic")
        self.oracle = Oracle(self.host)
        self.ibback = Sanitized(self.host)
        self.addCleanup(self.ibback.put_back)
        for guest in ("g1", "g2"):
            self.host.port_is(guest, "ACTIVE")

    def rate(self, run: Run, since: tuple[float, float] = (0.0, 0.0)) -> float:
        """Bytes a second, of a run that ends well."""
        last = run.end()
        self.clean(last)
        return (last["bytes"] - since[1]) / (last["seconds"] - since[0])

    def clean(self, last: dict) -> None:
        for what in ("corrupt", "lost", "errors"):
            self.assertEqual(last[what], 0, last)
        self.assertEqual(list(last["completions"]), ["success"], last)

    def baseline(self, guest: HostileGuest) -> float:
        """The pair's rate beside a guest that uses its processor and no vib."""
        burner = guest.burn()
        try:
            return self.rate(Run(self, BASELINE))
        finally:
            guest.stop_burning(burner)

    def attacked(self, guest: HostileGuest, seed: int, seconds: int) -> float:
        """The pair's rate beside the attacks."""
        run = Run(self, seconds * AT_MOST)
        guest.attack(seed, Victim.of_traffic(run.said()))
        since, enough = run.bytes(), time.monotonic() + seconds
        while run.runs() and (time.monotonic() < enough or guest.idle()):
            guest.look()
            time.sleep(2)
        if run.runs():
            run.interrupt()
        rate = self.rate(run, since)
        guest.stop()
        return rate

    def test_pair_beside_hostile_guest(self) -> None:
        seconds = LONG if self.rounds >= 10 else SHORT
        seed = int(os.environ.get("HOSTILE_SEED", time.time()))
        print(f"\nseed {seed} (HOSTILE_SEED={seed} repeats it)", flush=True)
        guest = HostileGuest(self.host, self.host_config("g3"))
        self.addCleanup(guest.end)
        guest.begin()
        before = self.baseline(guest)
        rate = self.attacked(guest, seed, seconds)
        after = self.baseline(guest)
        fair = (before + after) / 2 / 2
        made = guest.made
        print(f"pair {rate / 1e6:.2f} MB/s beside the attack, {before / 1e6:.2f} before and "
              f"{after / 1e6:.2f} after: {rate / fair:.2f} of its fair share; "
              f"{made['rounds']} attacks in {made['lives']} connections, {made['refused']} "
              f"refused; attached again {dict(guest.reattached())}; g3 died {guest.deaths} times\n"
              + ", ".join(f"{name} {count}" for name, count in made.items()), flush=True)
        guest.end()
        self.assertEqual(self.ibback.complaints(), "")
        self.assertEqual(self.host.sh("dom0", "pgrep -x ibback"), self.ibback.pid, "ibback restarted")
        self.assertEqual(self.oracle.leftovers(guest.domid), [])
        self.assertEqual(guest.idle(), [], "attacks that were not made")
        self.assertEqual(made["kept"], 0, "pages mapped after backend_alive was 0")
        self.assertEqual(made["wrong"], 0, guest.wrong)
        self.assertGreater(rate, LEAST * fair)
        self.ibback.put_back()
        self.assertEqual(self.ibback.complaints(), "")
        for guest_name in ("g1", "g2"):
            self.host.port_is(guest_name, "ACTIVE")
        self.rate(Run(self, 3))
        self.assertEqual(self.oracle.growth(), [])
        self.assertEqual(self.complaints(), "")
