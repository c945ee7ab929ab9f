# SPDX-License-Identifier: GPL-2.0-or-later
"""`traffic` in the guests: started, watched, and what it says at the end."""

import itertools
import json
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from .host import BUSY, Host

PROGRAM = Path(__file__).resolve().parents[3] / "build" / "bin" / "traffic"
THERE = "/tmp/traffic"
# For as long as anybody watches.
ENDLESS = 7200

# A port of its own for each run: the last one's may not be free yet.
_ports = itertools.count(20000)


def install(host: Host, guest: str) -> None:
    """Put the program into a guest."""
    host.lab("cp", str(PROGRAM), f"{guest}:{THERE}")


def address(guest: str) -> str:
    return f"10.77.0.{guest[1:]}"


@dataclass(frozen=True)
class Summary:
    """The exit status of a half and its last line; without one, nothing was counted."""

    status: int
    output: str
    corrupt: int = 0
    bytes: int = 0
    lost: int = 0
    reconnects: int = 0
    completions: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)


def read(status: int, output: str) -> Summary:
    """Read what a half has printed."""
    last = re.findall(r"^\{.*\}$", output, re.M)
    said = json.loads(last[-1]) if last else {}
    return Summary(status, output, **{key: said[key] for key in (
        "corrupt", "bytes", "lost", "reconnects", "completions", "events") if key in said})


class Half:
    """One half in a guest, which goes on until it is stopped."""

    def __init__(self, host: Host, guest: str, port: int, peer: Optional[str],
                 options: tuple[str, ...]) -> None:
        self._host, self.guest = host, guest
        self._log, self._pid = f"/tmp/traffic-{port}.log", f"/run/traffic-{port}.pid"
        words = [THERE, "-e", "-t", str(ENDLESS), "-p", str(port), *options,
                 *([address(peer)] if peer else [])]
        self._process = host.start(
            guest, f"{shlex.join(words)} >{self._log} 2>&1 & echo $! >{self._pid}; "
            f"wait $!; status=$?; cat {self._log}; exit $status", ENDLESS)

    def connects(self) -> int:
        return int(self._host.sh(self.guest, f"grep -c '^remote address' {self._log} || true"))

    def connected(self, times: int = 1) -> None:
        """Wait until it has connected so many times, and verifies more and more."""
        grows = (f"/^remote address/ {{ n++; seen = 0 }} / bytes verified/ && n >= {times} "
                 "{ if (seen && $3 > last) good = 1; last = $3; seen = 1 } END { exit !good }")
        self._host.until(self.guest, f"awk {shlex.quote(grows)} {self._log}", 180)

    def ended(self, within: float = 90) -> Summary:
        """Wait for its end, which nobody asks for."""
        try:
            out, err = self._process.communicate(timeout=within * BUSY)
        except subprocess.TimeoutExpired:
            self._process.kill()
            out, err = self._process.communicate()
            return read(124, out + err)
        return read(self._process.returncode, out + err)

    def stop(self) -> Summary:
        """Ask for its end."""
        if self._process.poll() is None:
            self._host.attempt(self.guest, f"kill $(cat {self._pid})", 20)
        return self.ended()

    def abandon(self) -> None:
        """Its guest is gone, and with it who would close the connection: ask nobody."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def forget(self) -> None:
        """End it, if there still is anything to end."""
        if self._process.poll() is None:
            self._host.attempt(self.guest, f"kill -9 $(cat {self._pid})", 10)
        self.abandon()


class Traffic:
    """A client in one guest, its server in another."""

    def __init__(self, host: Host, client: str, server: str, *options: str) -> None:
        """Start both, and see them transfer."""
        port = next(_ports)
        self.server = Half(host, server, port, None, options)
        # State 0A of /proc/net/tcp6 is LISTEN.
        host.until(server, f"grep -q ':{port:04X} .*:0000 0A' /proc/net/tcp6", 30)
        self.client = Half(host, client, port, server, options)
        self.client.connected()

    def halves(self) -> tuple[Half, Half]:
        return self.client, self.server

    def forget(self) -> None:
        for half in self.halves():
            half.forget()
