# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs between two machines on the wire, at least one of them a guest."""

from typing import Callable, ClassVar

from xenlab import network

from . import frames, wired
from .lab_check import LabCheck
from .wire_checks import DEVICE, THERE, captured, gid_index, listens, run_both


class WirePair(LabCheck):
    """Who is where; stock programs, each side the server once."""

    pair: ClassVar[tuple[str, str]]

    # ---- who is where --------------------------------------------------------

    def device(self, machine: str) -> str:
        return DEVICE if machine == THERE else wired.VIB

    def index(self, machine: str) -> int:
        """Of its GID: the vport's own is the first of its table."""
        return gid_index(self.host, machine) if machine == THERE else 0

    def gid(self, machine: str) -> str:
        return network.gid(machine) if machine == THERE else wired.gid(machine)

    def address(self, machine: str) -> str:
        """For the TCP connection of the programs that have one."""
        return (network.on_wire(machine) if machine == THERE
                else network.of_guest(network.guest_number(machine)))

    def both_ways(self, words: Callable[[str], str], port: int) -> list[str]:
        """What the clients say. @words(machine) are those of either side."""
        said = []
        for server, client in (self.pair, self.pair[::-1]):
            with self.subTest(server=server):
                said.append(run_both(self.host, server, words(server), client,
                                     f"{words(client)} {self.address(server)}", listens(port)))
        return said

    # ---- data --------------------------------------------------------------------

    def pingpong(self, kind: str, size: int) -> None:
        """Data verified at both ends, which -c says on stdout alone."""
        for said in self.both_ways(
                lambda m: f"ibv_{kind}_pingpong -d {self.device(m)} -g {self.index(m)} -c "
                          f"-s {size} -n 100", 18515):
            self.assertIn(f"{2 * size * 100} bytes in", said)
            self.assertNotIn("invalid data", said)

    def perftest(self, program: str, size: int, options: str = "") -> None:
        for said in self.both_ways(
                lambda m: f"{program} -d {self.device(m)} -x {self.index(m)} -m 1024 -F "
                          f"-s {size} -n 50 {options}", 18515):
            self.assertRegex(said, rf"(?m)^ *{size} +50 ")


class WirePairChecks(WirePair):
    """What every pair can do."""

    def test_rc_pingpong(self) -> None:
        self.pingpong("rc", 8192)

    def test_uc_pingpong(self) -> None:
        self.pingpong("uc", 4096)

    def test_ud_pingpong(self) -> None:
        self.pingpong("ud", 2048)

    def test_srq_pingpong(self) -> None:
        """16 QPs that share their receives."""
        self.pingpong("srq", 4096)

    def test_write_bw(self) -> None:
        self.perftest("ib_write_bw", 65536)

    def test_send_bw(self) -> None:
        self.perftest("ib_send_bw", 65536, "-e")

    def test_send_bw_of_ud(self) -> None:
        self.perftest("ib_send_bw", 1024, "-c UD -e")

    def test_send_bw_of_an_srq(self) -> None:
        self.perftest("ib_send_bw", 4096, "--use-srq")

    def test_atomics(self) -> None:
        """-o as below."""
        self.perftest("ib_atomic_lat", 8, "-A FETCH_AND_ADD -o 1")
        self.perftest("ib_atomic_bw", 8, "-A CMP_AND_SWAP -o 16")

    def test_read_lat(self) -> None:
        """-o: perftest's two ends have to agree on how many reads are under way."""
        self.perftest("ib_read_lat", 8, "-o 16")

    def test_frames_are_between_their_own_gids(self) -> None:
        with captured(self.host) as lines:
            self.pingpong("rc", 4096)
        one, other = (self.gid(machine) for machine in self.pair)
        found = frames.pairs(lines)
        self.assertEqual(set(found), {(one, other), (other, one)})
        self.assertGreaterEqual(min(found.values()), 100)
