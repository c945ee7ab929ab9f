# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP between two guests over IPoIB and over netfront."""

import json
import re
from typing import Optional

from checks import ipoib
from checks.host import Host

from .programs import Path, Program, run

SERVER, CLIENT = "g1", "g2"
NETFRONT = "netfront, bridge"
# The largest of connected mode (RFC 4755); datagram mode has what the group says.
MODES = {"IPoIB, datagram": ("datagram", 0), "IPoIB, connected": ("connected", 65520)}
WAYS = [NETFRONT, *MODES]
NETFRONT_ADDRESS = "10.77.0.1"
# qperf writes three digits and a unit.
UNITS = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "sec": 1e6}


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
            "iperf3 -J -p {port} -t {seconds} -c {address}", iperf3_figure, 3.0),
    Program("qperf", "TCP, half a round trip", "us", 19765, "qperf -lp {port}",
            "qperf -lp {port} -t {seconds} {address} tcp_lat", qperf_figure, 2.0, True),
)


def prepare(_host: Host) -> None:
    """Nothing: each way is set up when it is taken."""


def figure(host: Host, program: Program, way: str, seconds: int) -> Optional[float]:
    address = NETFRONT_ADDRESS
    if way != NETFRONT:
        address = ipoib.address(SERVER)
        for guest in (SERVER, CLIENT):
            ipoib.up(host, guest, *MODES[way])
        host.until(CLIENT, f"ping -n -c 1 -w 5 {address} >/dev/null")
    words = {"address": address}
    return run(host, program, Path(SERVER, CLIENT, words, words), seconds)
