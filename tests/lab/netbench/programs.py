# SPDX-License-Identifier: GPL-2.0-or-later
"""The stock programs that measure, and the figure each of them gives."""

import json
import re
from dataclasses import dataclass
from typing import Callable, Optional

from checks.host import Host

SERVER, CLIENT = "g1", "g2"
# qperf writes three digits and a unit.
UNITS = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "sec": 1e6}


@dataclass(frozen=True)
class Program:
    """A server in one guest and its client in the other, on a TCP port."""

    name: str
    measures: str
    unit: str
    port: int
    server: str  # {address}, {port}
    client: str  # {address}, {port}, {seconds}
    read: Callable[[str], Optional[float]]  # what the client says; None: no figure
    lower_is_better: bool = False

    def better(self, ours: float, theirs: float) -> float:
        """How many times as good ours is."""
        return theirs / ours if self.lower_is_better else ours / theirs


def iperf3_figure(said: str) -> Optional[float]:
    """Mbit/s that arrived."""
    try:
        bits = json.loads(said)["end"]["sum_received"]["bits_per_second"]
    except (ValueError, KeyError):
        return None
    return bits / 1e6 if bits > 0 else None


def qperf_figure(said: str) -> Optional[float]:
    """Microseconds, of half a round trip."""
    found = re.search(r"latency\s+=\s+([\d.]+) (ns|us|ms|sec)\b", said)
    return float(found[1]) * UNITS[found[2]] if found else None


PROGRAMS = (
    Program("iperf3", "TCP", "Mbit/s", 5201, "iperf3 -s -1 -p {port} -B {address}",
            "iperf3 -J -p {port} -t {seconds} -c {address}", iperf3_figure),
    Program("qperf", "TCP, half a round trip", "us", 19765, "qperf -lp {port}",
            "qperf -lp {port} -t {seconds} {address} tcp_lat", qperf_figure, True),
)


def run(host: Host, program: Program, address: str, seconds: int) -> Optional[float]:
    """One figure; None, after a line that says why, if there is none."""
    words = {"address": address, "port": program.port, "seconds": seconds}
    limit = 10 * seconds + 30
    server = host.start(SERVER, f"timeout {limit} {program.server.format(**words)}", limit + 10)
    try:
        # State 0A of /proc/net/tcp is LISTEN.
        host.until(SERVER, f"grep -q ':{program.port:04X} .*:0000 0A' /proc/net/tcp /proc/net/tcp6")
        done = host.attempt(CLIENT, f"timeout {limit} {program.client.format(**words)}", limit + 10)
    finally:
        host.attempt(SERVER, f"pkill {program.name}", 20)
        server.communicate()
    figure = program.read(done.stdout)
    if figure is None:
        print(f"{program.name} to {address} gave no figure, exit status {done.returncode}: "
              f"{(done.stdout + done.stderr)[-600:]}", flush=True)
    return figure
