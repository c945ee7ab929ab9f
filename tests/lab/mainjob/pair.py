# SPDX-License-Identifier: GPL-2.0-or-later
"""A program's two halves: a server in one guest, its client in the other.

They exchange their parameters by TCP over the guests' eth0, whatever device
they then use.
"""

import itertools
import shlex
import subprocess
from dataclasses import dataclass
from typing import Optional

from checks.host import Host

PASSIVE, ACTIVE = "g1", "g2"
PASSIVE_ADDRESS = "10.77.0.1"

# A port of its own for each run: the last one's may not be free yet.
_ports = itertools.count(19000)


@dataclass(frozen=True)
class Ended:
    """How one half ended: 124 is a timeout."""

    status: int
    output: str


@dataclass(frozen=True)
class Outcome:
    server: Ended
    client: Ended

    def problems(self) -> list[str]:
        """What the exit statuses say; empty when both are 0."""
        return [f"{who} exited {half.status}: {half.output.strip()[-600:]}"
                for who, half in (("server", self.server), ("client", self.client))
                if half.status]


class Pair:
    """A program running in both guests."""

    def __init__(self, host: Host, server: list[str], client: list[str],
                 timeout: float = 60) -> None:
        """Start both; the client as soon as the server listens."""
        self._host = host
        self._timeout = timeout
        port = next(_ports)
        self._pid = f"/run/pair-{port}"
        self._said = f"/tmp/pair-{port}"
        self._server = host.start(PASSIVE, self._halved([*server, "-p", str(port)]), timeout)
        try:
            # State 0A of /proc/net/tcp is LISTEN.
            host.until(PASSIVE, f"grep -q ':{port:04X} .*:0000 0A' /proc/net/tcp /proc/net/tcp6",
                       30)
        except AssertionError:
            self._end(PASSIVE)
            raise AssertionError(f"{shlex.join(server)}: the server does not listen: "
                                 f"{_ended(self._server, 10).output}") from None
        self._client = host.start(
            ACTIVE, self._halved([*client, "-p", str(port), PASSIVE_ADDRESS]), timeout)

    def _halved(self, words: list[str]) -> str:
        # A line at a time, so that what has been said can be seen while it runs.
        command = shlex.join(["stdbuf", "-oL", *words])
        return (f"trap 'cat {self._said}; exit 124' TERM; "  # the timeout's
                f"{command} >{self._said} 2>&1 & echo $! >{self._pid}; "
                f"wait $!; status=$?; cat {self._said}; exit $status")

    def moves(self) -> None:
        """Wait until both know each other: from here on they transfer."""
        for guest in (PASSIVE, ACTIVE):
            self._host.until(guest, f"grep -q 'remote address' {self._said}", 30)

    def said(self) -> str:
        """What the client has said so far."""
        return self._host.sh(ACTIVE, f"cat {self._said}")

    def runs(self) -> bool:
        """Whether the client has not ended."""
        return self._client.poll() is None

    def interrupt(self) -> None:
        """Ask the client to end early, in good order."""
        self._host.sh(ACTIVE, f"kill -TERM $(cat {self._pid})")

    def client(self, within: Optional[float] = None) -> Ended:
        """Wait for the client's end; seconds, or as long as it may run."""
        return _ended(self._client, within or self._timeout + 30)

    def outcome(self) -> Outcome:
        """Wait for both; a server whose client failed would wait for ever."""
        client = self.client()
        if client.status:
            self._end(PASSIVE)
        return Outcome(_ended(self._server, self._timeout + 30), client)

    def forget(self) -> None:
        """End what still runs; a guest may be gone."""
        for process, guest in ((self._client, ACTIVE), (self._server, PASSIVE)):
            if process.poll() is None:
                self._end(guest)
                process.kill()
            process.communicate()

    def _end(self, guest: str) -> None:
        self._host.attempt(guest, f"kill -9 $(cat {self._pid})", 20)


def _ended(process: subprocess.Popen, timeout: float) -> Ended:
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return Ended(124, out + err)
    return Ended(process.returncode, out + err)


def run(host: Host, server: list[str], client: list[str], timeout: float = 60) -> Outcome:
    """Run both halves to their ends."""
    pair = Pair(host, server, client, timeout)
    try:
        return pair.outcome()
    finally:
        pair.forget()
