# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that attacks ibback: g3, with vib_hostile in the place of ibfront."""

import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Optional, Sequence

from .host import Host
from .sanitized import TOP, make

GUEST = "g3"
VIBS = 2
MODULE = "vib_hostile"
REATTACH = Path(__file__).resolve().parent.parent / "hostile" / "reattach"
# What the module counts beside its attacks.
TALLIES = ("lives", "refused", "kept", "rounds", "heard", "wrong")
# Attacks on a connection before one ends it: there are ten kinds of those.
ROUNDS = 10
# Far more than any attack takes.
ENDLESS = 3600


class Victim:
    """What a peer of the pair would know of it."""

    def __init__(self, **columns: Sequence[str]) -> None:
        self._columns = columns

    @classmethod
    def of_traffic(cls, said: str) -> "Victim":
        """From what traffic says of itself."""
        found = re.findall(r"LID (0x\w+), QPN (0x\w+), .*RKey (0x\w+), VAddr (0x\w+)", said)
        if not found:
            raise AssertionError(f"no addresses in: {said}")
        return cls(**dict(zip(("lid", "qpn", "rkey", "addr"), zip(*found))))

    @classmethod
    def of_ports(cls, host: Host, guests: Sequence[str], device: str = "vib0") -> "Victim":
        """The ports alone: their LIDs and GUIDs."""
        port = f"/sys/class/infiniband/{device}/ports/1"
        gids = [host.sh(guest, f"cat {port}/gids/0") for guest in guests]
        return cls(lid=[host.sh(guest, f"cat {port}/lid") for guest in guests],
                   guid=["0x" + "".join(gid.split(":")[4:]) for gid in gids])

    def parameters(self) -> str:
        return " ".join(f"victim_{name}={','.join(column)}"
                        for name, column in self._columns.items())


class HostileGuest:
    """Created by begin(); attacks from attack() on; destroyed by end()."""

    def __init__(self, host: Host, config: str, vib: str = "") -> None:
        """@vib: the text of each of its vibs."""
        self._host = host
        self._vib = vib
        self._config = re.sub(r"(?m)^vib = .*$", f"vib = {[vib] * VIBS}", config)
        self._reattach: Optional[subprocess.Popen] = None
        self._parameters = ""
        self._earlier: Counter[str] = Counter()  # of guests that died
        self._now: Counter[str] = Counter()
        self.deaths = 0
        self.wrong = ""

    def begin(self) -> None:
        host = self._host
        host.lab("guest", "create", "-", stdin=self._config)
        host.lab("guest", "wait", GUEST)
        release = host.sh(GUEST, "uname -r")
        make("hostile", f"KVERS={release}")
        host.lab("cp", str(TOP / f"build/hostile/{release}/{MODULE}.ko"), f"{GUEST}:/tmp/{MODULE}.ko")
        # Neither now nor when a vib comes again is there to be an ibfront.
        host.sh(GUEST, "rmmod ibfront; rm /lib/modules/$(uname -r)/updates/ibfront.ko; "
                "! test -e /sys/module/ibfront")
        self.domid = host.domid(GUEST)

    def burn(self) -> subprocess.Popen:
        """Use its processor and nothing else, until stop_burning()."""
        return self._host.start(GUEST, "echo $$ >/tmp/burner; while :; do :; done", ENDLESS)

    def stop_burning(self, burner: subprocess.Popen) -> None:
        self._host.sh(GUEST, "kill -9 $(cat /tmp/burner)")
        burner.communicate(timeout=60)

    def attack(self, seed: int, victim: Victim, only: str = "") -> None:
        """Begin, and have each vib that is closed attached again."""
        self._parameters = f"seed={seed} rounds={ROUNDS} {victim.parameters()}"
        if only:
            self._parameters += f" only={only}"
        self._host.sh("dom0", "rm -f /tmp/reattached")
        self._load()

    def _load(self) -> None:
        host = self._host
        host.lab("cp", str(REATTACH), "dom0:/tmp/reattach")
        self._reattach = host.start(
            "dom0", f"setsid /tmp/reattach {GUEST} {self._vib} >>/tmp/reattached 2>&1 & "
            "echo $! >/tmp/reattach.pid; wait", ENDLESS)
        host.sh(GUEST, f"insmod /tmp/{MODULE}.ko {self._parameters}", 300)

    def look(self) -> None:
        """Note what it has done; one that died is made anew, and goes on."""
        done = self._host.attempt(GUEST, f"cd /sys/module/{MODULE}/parameters && cat made tallies", 60)
        if done.returncode == 0:
            self._now = Counter({name: int(count) for name, count
                                 in (line.split() for line in done.stdout.splitlines())})
            return
        if self._host.attempt("dom0", f"xl domid {GUEST}").returncode == 0:
            return  # busy
        self.deaths += 1
        self._earlier += self._now
        self._now = Counter()
        self._stop_reattaching()
        self.begin()
        self._load()

    @property
    def made(self) -> Counter[str]:
        """How often each attack was made, and what came of them."""
        total = Counter(self._now)
        for name, count in self._earlier.items():
            total[name] += count
        return total

    def idle(self, only: str = "") -> list[str]:
        """Kinds of attack, or those with this prefix, that were not made yet."""
        made = self.made
        return [name for name in made if not made[name] and name not in TALLIES
                and name.startswith(only)] or ([] if made else ["any"])

    def stop(self) -> None:
        """End the attacks; the guest stays. In @wrong is what came of them and was not to."""
        self.look()
        self.wrong = self._host.sh(GUEST, "dmesg | grep -o 'wrong: .*' | sort | uniq -c")
        self._host.sh(GUEST, f"timeout 250 rmmod {MODULE}", 300)
        self._stop_reattaching()

    def _stop_reattaching(self) -> None:
        if not self._reattach:
            return
        self._host.attempt("dom0", "kill -- -$(cat /tmp/reattach.pid)")
        self._reattach.communicate(timeout=60)
        self._reattach = None

    def reattached(self) -> Counter[str]:
        """What became of vibs that were closed: again, failed."""
        said = self._host.sh("dom0", "cat /tmp/reattached")
        return Counter(re.findall(r"^(again|failed) \d+$", said, re.MULTILINE))

    def end(self) -> None:
        self._stop_reattaching()
        self._host.attempt("dom0", f"xl destroy {GUEST}")
