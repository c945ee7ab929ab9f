# SPDX-License-Identifier: GPL-2.0-or-later
"""A stock program that measures, and the figure it gives."""

from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Callable, Optional

from checks.host import Host
from mainjob.perftest import CLOCK_TRIES, clock_lost


@dataclass(frozen=True)
class Program:
    """A server on one machine and its client on another, on a TCP port."""

    name: str
    measures: str
    unit: str
    port: int
    server: str  # {port}, and what a Path has for it
    client: str  # {port}, {seconds}, and what a Path has for it
    read: Callable[[str], Optional[float]]  # what the client says; None: no figure
    promised: Optional[float]  # how many times as good it has to be
    lower_is_better: bool = False

    def better(self, ours: float, theirs: float) -> float:
        """How many times as good ours is."""
        return theirs / ours if self.lower_is_better else ours / theirs


@dataclass(frozen=True)
class Path:
    """From a client's machine to a server's, and what the programs are told there."""

    server: str
    client: str
    at_server: dict[str, str]
    at_client: dict[str, str]


def run(host: Host, program: Program, path: Path, seconds: int) -> Optional[float]:
    """One figure; None, after a line that says why, if there is none."""
    for _ in range(CLOCK_TRIES):
        done = _once(host, program, path, seconds)
        if not clock_lost(done.stdout):
            break
    figure = program.read(done.stdout)
    if figure is None:
        print(f"{program.name} from {path.client} to {path.server} gave no figure, exit status "
              f"{done.returncode}: {(done.stdout + done.stderr)[-600:]}", flush=True)
    return figure


def _once(host: Host, program: Program, path: Path, seconds: int) -> CompletedProcess:
    """What the client said."""
    words = {"port": program.port, "seconds": seconds}
    limit = 10 * seconds + 30
    server = host.start(path.server, f"timeout {limit} "
                        + program.server.format(**words, **path.at_server), limit + 10)
    try:
        # State 0A of /proc/net/tcp is LISTEN.
        host.until(path.server,
                   f"grep -q ':{program.port:04X} .*:0000 0A' /proc/net/tcp /proc/net/tcp6")
        return host.attempt(path.client, f"timeout {limit} "
                            + program.client.format(**words, **path.at_client), limit + 10)
    finally:
        host.attempt(path.server, f"pkill -x {program.name}", 20)
        server.communicate()
