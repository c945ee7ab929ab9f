# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of users through the vib: what they get, and what it costs them."""

from mainjob import device, pair, perftest, pingpong
from mainjob.perftest import Perftest
from mainjob.pingpong import Pingpong

from . import ipoib, rdma_tests, syscalls
from .lab_check import GUESTS, LabCheck

SIZES = (4096, 65536, 1048576)
RATE_SIZE = 65536
RATE = 80  # of what a vib may move, in 10^6 bits a second


class VerbsChecks(LabCheck):
    """Between g1 and g2, unmodified programs of Debian 12."""

    def setUp(self) -> None:
        super().setUp()
        self.both = device.named(self.host, self.device, GUESTS)

    def pingpong(self, test: Pingpong) -> None:
        with self.subTest(str(test)):
            outcome = pingpong.run(self.host, self.both, test)
            self.assertEqual(pingpong.problems(test, outcome), [])

    # ---- data ---------------------------------------------------------------

    def test_pingpongs_by_lid_and_by_gid(self) -> None:
        for kind in pingpong.TYPES:
            for grh in (False, True):
                self.pingpong(Pingpong(kind, self.size_for(kind), 20, grh=grh))

    def test_pingpongs_that_sleep_for_events(self) -> None:
        for kind in pingpong.TYPES:
            self.pingpong(Pingpong(kind, self.size_for(kind), 50, events=True))

    def test_pingpongs_of_large_messages(self) -> None:
        for size in SIZES[1:]:
            for kind in ("rc", "uc", "srq"):
                self.pingpong(Pingpong(kind, size, 20, events=True))

    def size_for(self, kind: str) -> int:
        return self.both.ud_size if kind == "ud" else SIZES[0]

    # ---- perftest -----------------------------------------------------------

    def test_every_perftest_gives_a_figure(self) -> None:
        for test in perftest.TABLE:
            with self.subTest(test.program):
                outcome = perftest.run(self.host, self.both, test, test.slow)
                self.assertIsNotNone(perftest.figure(test, outcome),
                                     outcome.problems() or outcome.client.output)

    def test_no_system_call_per_operation(self) -> None:
        """Ten times the operations cost no more calls, while the poller is awake."""
        # Emulated, a peer's answer takes longer than a poller stays awake by default.
        self.addCleanup(self.configure, "true")
        self.configure("printf '[engine]\\nspin = 200000\\n' >>/etc/xen-ib/ibback.conf")
        for program, size, few, many in (("ib_write_bw", 4096, 200, 2000),
                                         ("ib_read_lat", 8, 200, 2000),
                                         ("ib_write_lat", 8, 40, 400)):
            with self.subTest(program):
                test = Perftest(program, size, few, few)
                less, more = self.calls(test, few), self.calls(test, many)
                grown = syscalls.grown(less, more)
                # One per operation would be many - few. A few are the lab's:
                # the client waits longer for the server on TCP.
                self.assertLess(sum(grown.values()), (many - few) // 10, str(grown))

    def configure(self, command: str) -> None:
        """Restart ibback with its own configuration, changed by a command."""
        conf = "/etc/xen-ib/ibback.conf"
        self.host.sh("dom0", f"test -e {conf}.own || cp {conf} {conf}.own; cp {conf}.own {conf}; "
                     f"{command}")
        self.host.daemon("restart", "ibback")
        for guest in GUESTS:
            self.host.port_is(guest, "ACTIVE")

    def calls(self, test: Perftest, iterations: int) -> dict[str, int]:
        """The system calls of a client's whole life, by name."""
        words = test.words(self.both, iterations)
        summary = f"/tmp/strace-{iterations}"
        outcome = pair.run(self.host, words, ["strace", "-f", "-c", "-o", summary, *words])
        self.assertEqual(outcome.problems(), [])
        calls = syscalls.counted(self.host.sh(pair.ACTIVE, f"cat {summary}"))
        self.assertGreater(sum(calls.values()), 0, "strace counted nothing")
        return calls

    # ---- rates ----------------------------------------------------------------

    def test_rate_bounds_bandwidth_and_changes_at_run_time(self) -> None:
        """The client's guest, g2, is bound; how exactly, the unit tests know."""
        node = f"/local/domain/0/backend/vib/{self.host.domid(pair.ACTIVE)}/0/rate"
        self.addCleanup(self.host.attempt, "dom0", f"xenstore-rm {node}")
        free = self.bandwidth(1000)
        self.host.sh("dom0", f"xenstore-write {node} {RATE}M")
        bound = self.bandwidth(RATE * 1000000 // 8 // RATE_SIZE)  # a second
        self.host.sh("dom0", f"xenstore-rm {node}")
        again = self.bandwidth(1000)
        print(f"\n{bound / RATE:.2f} of {RATE}M; unbound {free:.0f}M before, {again:.0f}M after",
              end=" ", flush=True)
        self.assertLess(bound, 1.2 * RATE)
        # An emulated Dom0 that gets no processor for longer than the burst lasts loses tokens.
        self.assertGreater(bound, 0.2 * RATE)
        for unbound in (free, again):
            self.assertGreater(unbound, 2 * RATE)

    def bandwidth(self, iterations: int) -> float:
        """Of ib_write_bw, in 10^6 bits a second."""
        test = Perftest("ib_write_bw", RATE_SIZE, iterations, iterations)
        outcome = perftest.run(self.host, self.both, test, iterations)
        figure = perftest.figure(test, outcome)
        self.assertIsNotNone(figure, outcome.problems() or outcome.client.output)
        return (figure or 0) * 2**20 * 8 / 1e6

    # ---- rdma-core's own tests ------------------------------------------------

    def test_rdma_core_conformance(self) -> None:
        # The tests of rdma_cm want an address on the device's network interface.
        self.addCleanup(ipoib.down, self.host, "g1")
        ipoib.up(self.host, "g1")
        self.host.sh("g1", "modprobe rdma_ucm")
        result = rdma_tests.run(self.host, "g1", self.both.name, self.both.gid_index)
        may_skip = rdma_tests.accepted(self.type)
        print(f"\n{rdma_tests.listing(result, may_skip)}")
        problems = rdma_tests.problems(result, may_skip)
        if problems:
            self.fail("\n".join([*problems, rdma_tests.failures(result)]))
