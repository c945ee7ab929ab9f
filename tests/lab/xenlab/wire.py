# SPDX-License-Identifier: GPL-2.0-or-later
"""The wire that joins a lab's machines: joining it, cutting it, spoiling it, listening.

A cable leads from each machine's NIC to the first machine's, which has a hub
when there are several. So all frames pass the first machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Sequence

from . import network
from .errors import UsageError
from .machine import WIRE_NIC, WIRE_PORT

if TYPE_CHECKING:
    from .lab import Machine

NETDEV = "eth1"
CAPTURE = "capture"
# Frames that netem holds; its default, 1000, would itself lose some.
NETEM_LIMIT = 20000


@dataclass(frozen=True)
class Trouble:
    """What one command does to each end of the wire."""

    up: Optional[bool] = None        # the link; None: as it is
    loss: Optional[float] = None     # percent of what the end sends; None: as it is
    delay: Optional[float] = None    # ms, of what the end sends

    def netem(self) -> Optional[str]:
        """The shell command that spoils an end, if it is to change.

        Of loss and delay what is not named is none.
        """
        if self.loss is None and self.delay is None:
            return None
        if not self.loss and not self.delay:
            return f"tc qdisc del dev {NETDEV} root 2>/dev/null || true"
        words = [f"loss {self.loss:g}%"] if self.loss else []
        words += [f"delay {self.delay:g}ms"] if self.delay else []
        return f"tc qdisc replace dev {NETDEV} root netem limit {NETEM_LIMIT} {' '.join(words)}"


def trouble(words: Sequence[str]) -> Trouble:
    """What the words of a command say: down, up, loss PERCENT, delay MS."""
    said: dict[str, float | bool] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("up", "down"):
            key, value = "up", word == "up"
        elif word in ("loss", "delay"):
            key, value = word, _number(word, rest.pop(0) if rest else "")
        else:
            raise UsageError(f"lab link {word}: it is down, up, loss PERCENT or delay MS")
        if key in said:
            raise UsageError(f"lab link {' '.join(words)}: {word} contradicts what is before it")
        said[key] = value
    return Trouble(**said)


def _number(what: str, text: str) -> float:
    most = {"loss": 100, "delay": 10000}[what]
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= most:
        raise UsageError(f"lab link {what} {text}: {what} is a number from 0 to {most}")
    return value


def join(of: Machine) -> None:
    """Give a Dom0 its name, its place on the wire, and rxe0."""
    of.place.run(f"hostname {of.name} && /usr/lib/xenlab/wire {network.WIRE[of.name]}", timeout=120)


def spoil(ends: Sequence[Machine], what: Trouble) -> None:
    """Do it to these ends."""
    netem = what.netem()
    for of in ends:
        # First: a command over ssh does not need the wire.
        if netem:
            of.place.run(netem)
        if what.up is not None:
            _ask(of, "set_link", name=WIRE_NIC, up=what.up)


def state(of: Machine) -> str:
    """A line on a machine's end: carrier, and what netem does."""
    said = of.place.run(f"cat /sys/class/net/{NETDEV}/carrier; tc qdisc show dev {NETDEV}")
    carrier, _, qdisc = said.partition("\n")
    netem = re.search(r"netem .*limit \d+ (.*\S)", qdisc)
    return (f"{of.name}: {'up' if carrier.strip() == '1' else 'down'}, "
            + (netem[1] if netem else "nothing lost or late"))


def capture(first: Machine, to: Optional[Path]) -> None:
    """Write all frames on the wire to a pcap file from now on; None ends it."""
    if to is None:
        _ask(first, "object-del", id=CAPTURE)
    else:
        _ask(first, "object-add", **{"qom-type": "filter-dump", "id": CAPTURE,
                                     "netdev": WIRE_PORT, "file": str(to.resolve())})


def _ask(of: Machine, command: str, /, **arguments: object) -> None:
    monitor = of.qemu.monitor_connection()
    try:
        monitor.command(command, **arguments)
    finally:
        monitor.close()
