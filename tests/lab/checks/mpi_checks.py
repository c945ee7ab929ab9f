# SPDX-License-Identifier: GPL-2.0-or-later
"""Middleware over verbs, as Debian ships it: UCX, libfabric, Open MPI and MPICH."""

import re
from typing import Sequence

from mainjob import pair

from . import cluster, ipoib, middleware
from .cluster import MPICH, OPENMPI
from .host import BUSY
from .lab_check import GUESTS, LabCheck
from .middleware import Moved
from .wire_checks import listens, run_both

ALL = ("g1", "g2", "g3")
# A process of UCX's registers some 70 MiB before it sends anything, one of libfabric's ofi_rxm
# the same: README.md, "Large memory", with room for two processes in each guest.
MEMORY_MB = 640
LAB = ("--guests", str(len(ALL)), "--memory", str(MEMORY_MB),
       "--xen", "gnttab_max_frames=320 gnttab_max_maptrack_frames=4096")

# To say what transports are used, UCX has to be asked.
ASKED = {"UCX_LOG_LEVEL": "info"}
RC, UD = "rc_verbs/vib0:1", "ud_verbs/vib0:1"

CHECKS = ("ring", "all_to_all", "one_sided")
MPI_SECONDS = 600
PERFTEST_SECONDS = 180

ROUNDS = 100
# Of ucx_perftest: what UCX makes of a transport for its users, and bytes a message.
UCP = (("tag_lat", 8), ("tag_lat", 4096), ("tag_bw", 65536), ("stream_lat", 8),
       ("stream_bw", 65536), ("ucp_put_lat", 8), ("ucp_put_bw", 65536), ("ucp_get", 65536),
       ("ucp_add", 8), ("ucp_fadd", 8), ("ucp_swap", 8), ("ucp_cswap", 8))
# Over datagrams it makes one out of the other.
UCP_UD = (("tag_lat", 8), ("tag_bw", 65536), ("stream_lat", 4096), ("ucp_put_lat", 8),
          ("ucp_get", 4096), ("ucp_cswap", 8))
# The transports themselves: here the atomics are the HCA's. What the data are sent as.
ATOMICS = ("add_mr", "fadd", "cswap")
UCT = (("rc_verbs", "am_lat", 8, "short"), ("rc_verbs", "am_bw", 4096, "bcopy"),
       ("rc_verbs", "am_bw", 8192, "zcopy"), ("rc_verbs", "put_lat", 8, "short"),
       ("rc_verbs", "put_bw", 65536, "zcopy"), ("rc_verbs", "get", 4096, "bcopy"),
       ("rc_verbs", "get", 65536, "zcopy"),
       *(("rc_verbs", name, 8, "short") for name in ATOMICS),
       ("ud_verbs", "am_lat", 8, "short"), ("ud_verbs", "am_bw", 2048, "bcopy"),
       ("ud_verbs", "am_bw", 2048, "zcopy"))

# Of fi_pingpong: endpoints, providers and, with their sizes in its words, what they can send.
SMALL = {"64": 64, "256": 256, "1k": 1024, "4k": 4096}
LARGE = {**SMALL, "64k": 65536, "1m": 1 << 20}
PROVIDERS = (("msg", "verbs", LARGE), ("rdm", "verbs;ofi_rxm", LARGE), ("dgram", "verbs", SMALL),
             ("rdm", "verbs;ofi_rxd", LARGE))
PINGPONGS = 10
PINGPONG_PORT = 47592


class MpiChecks(LabCheck):
    """g1 and g2, a server and its client; for MPI g3, too."""

    def setUp(self) -> None:
        super().setUp()
        if self.host.attempt("dom0", f"xl domid {ALL[-1]}").returncode:
            self.new_guest(ALL[-1])
        self.host.port_is(ALL[-1], "ACTIVE")

    def host_config(self, guest: str) -> str:
        return re.sub(r"(?m)^memory =.*$", f"memory = {MEMORY_MB}", super().host_config(guest))

    def has_sent(self, guests: Sequence[str], before: Moved, least_bytes: int,
                 least_packets: int = 1) -> None:
        """The vibs have: it did not go another way."""
        moved = middleware.sent(self.host, guests).since(before)
        self.assertGreaterEqual(moved.bytes, least_bytes)
        self.assertGreaterEqual(moved.packets, least_packets)

    # ---- UCX -------------------------------------------------------------------------

    def test_ucx_finds_transports_on_the_port(self) -> None:
        said = self.host.sh("g1", "ucx_info -d")
        for transport in ("rc_verbs", "ud_verbs"):
            self.assertRegex(said, rf"Transport: {transport}\n#\s+Device: vib0:1\n", said)

    def perftest(self, name: str, size: int, options: Sequence[str],
                 environment: dict[str, str]) -> str:
        """What the client says; both ended well, and the vibs moved it."""
        before = middleware.sent(self.host, GUESTS)
        words = ["env", *(f"{key}={value}" for key, value in environment.items()), "ucx_perftest"]
        outcome = pair.run(self.host, words,
                           [*words, "-t", name, "-s", str(size), "-n", str(ROUNDS), "-w", "10", "-f",
                            *options], PERFTEST_SECONDS * BUSY)
        self.assertEqual(outcome.problems(), [])
        said = outcome.client.output
        self.assertEqual(middleware.iterations(said), [ROUNDS], said)
        self.has_sent(GUESTS, before, 0 if name in ATOMICS else ROUNDS * size, ROUNDS)
        return said

    def over(self, transport: str, device: str, tests: Sequence[tuple[str, int]]) -> None:
        for name, size in tests:
            with self.subTest(f"{transport}: {name}, {size} bytes"):
                said = self.perftest(name, size, (), {"UCX_TLS": transport, **ASKED})
                # Without a lane for messages, as for put and get alone, it says nothing.
                self.assertLessEqual(middleware.transports(said), {device}, said)

    def test_ucx_perftest_over_rc(self) -> None:
        self.over("rc", RC, UCP)

    def test_ucx_perftest_over_ud(self) -> None:
        self.over("ud", UD, UCP_UD)

    def test_ucx_perftest_of_the_transports(self) -> None:
        for transport, name, size, layout in UCT:
            with self.subTest(f"{transport}: {name}, {size} bytes, {layout}"):
                self.perftest(name, size, ("-d", "vib0:1", "-x", transport, "-D", layout), {})

    # ---- MPI -------------------------------------------------------------------------

    def mpi(self, flavour: str, checks: Sequence[str], environment: dict[str, str],
            device: str) -> None:
        cluster.join(self.host, ALL)
        self.addCleanup(cluster.end, self.host, ALL)
        before = middleware.sent(self.host, ALL)
        said = self.host.sh(ALL[0], cluster.mpirun(flavour, ALL, checks, {**ASKED, **environment})
                            + " 2>&1", MPI_SECONDS * len(checks))
        done = middleware.checked(said)
        self.assertEqual([(check.name, check.ranks, check.machines) for check in done],
                         [(name, cluster.RANKS * len(ALL), len(ALL)) for name in checks], said)
        used = middleware.transports(said)
        self.assertIn(device, used, said)
        self.assertEqual([name for name in used if name.startswith("tcp/")], [], said)
        # Of a ring's hops half are to another machine, of what all send all two thirds.
        self.has_sent(ALL, before, sum(check.bytes for check in done) // 3)

    def test_openmpi_ring(self) -> None:
        self.mpi(OPENMPI, ("ring",), {}, RC)

    def test_openmpi_all_to_all(self) -> None:
        self.mpi(OPENMPI, ("all_to_all",), {}, RC)

    def test_openmpi_one_sided(self) -> None:
        self.mpi(OPENMPI, ("one_sided",), {}, RC)

    def test_openmpi_over_ud(self) -> None:
        self.mpi(OPENMPI, CHECKS, {"UCX_TLS": "ud,sm,self"}, UD)

    def test_mpich_ring_and_all_to_all(self) -> None:
        self.mpi(MPICH, CHECKS[:2], {}, RC)

    def test_mpich_one_sided(self) -> None:
        """MPI_Finalize included: of its ranks some wait for others' completions, and these for
        nothing but the barrier, so that an HCA has to do without them."""
        self.mpi(MPICH, CHECKS[2:], {}, RC)

    # ---- libfabric -------------------------------------------------------------------

    def test_fi_pingpong_on_each_provider(self) -> None:
        """The data checked; who connects does it by rdma_cm, at IPoIB's addresses."""
        for guest in GUESTS:
            self.addCleanup(ipoib.down, self.host, guest)
            ipoib.up(self.host, guest)
            self.host.sh(guest, "modprobe rdma_ucm")
        for endpoint, provider, sizes in PROVIDERS:
            with self.subTest(f"{provider}, {endpoint}"):
                before = middleware.sent(self.host, GUESTS)
                words = f"fi_pingpong -c -I {PINGPONGS} -e {endpoint} -p '{provider}'"
                said = run_both(self.host, "g1", words, "g2", f"{words} {ipoib.address('g1')}",
                                listens(PINGPONG_PORT), PERFTEST_SECONDS)
                self.assertEqual(middleware.answered(said, PINGPONGS), list(sizes), said)
                self.has_sent(GUESTS, before, 2 * PINGPONGS * sum(sizes.values()))

    def test_no_kernel_complains(self) -> None:
        self.assertEqual(self.complaints(ALL), "")
