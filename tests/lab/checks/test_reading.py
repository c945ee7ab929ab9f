# SPDX-License-Identifier: GPL-2.0-or-later
"""What strace, rdma-core's tests, traffic, MPI's programs and Xen's debug keys print is read right."""

import unittest

from . import census, cluster, complaints, middleware, rdma_tests, syscalls, traffic

STRACE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 45.11    0.034211        2138        16           ioctl
 20.00    0.015000          15      1000         2 write
  5.00    0.003000           1       162           gettimeofday
------ ----------- ----------- --------- --------- ----------------
100.00    0.049211          48      1016         2 total
"""

RDMA_TESTS = """\
test_create_ah (tests.test_addr.AHTest.test_create_ah)
Test ibv_create_ah. ... ok
test_xrc_atomic (tests.test_atomic.AtomicTest.test_xrc_atomic) ... skipped 'Create XRCD is not supported'
test_rdmacm_sync (tests.test_rdmacm.CMTestCase.test_rdmacm_sync) ... skipped "Device rxe0 doesn't have net interface"
test_qp_ex (tests.test_qpex.QpExTestCase.test_qp_ex) ... ERROR
test_tm (tests.test_tag_matching.TMTest.test_tm)
Test tag matching, which is long ... skipped 'Extended CQ is not supported'

======================================================================
ERROR: test_qp_ex (tests.test_qpex.QpExTestCase.test_qp_ex)
----------------------------------------------------------------------
Ran 5 tests in 16.258s

FAILED (errors=1, skipped=3)
"""

STEPPED = """\
[    5.547901] ------------[ cut here ]------------
[    5.547902] WARNING: CPU: 0 PID: 1 at arch/x86/kernel/traps.c:1120 exc_debug_kernel+0xca/0x160
[    5.549661] Call Trace:
[    5.549999] ---[ end trace 0000000000000000 ]---
"""

WARNED = """[   61.100000] ------------[ cut here ]------------
[   61.100001] WARNING: CPU: 0 PID: 70 at ibfront/mr.c:10 vib_dereg_mr+0xca/0x160 [ibfront]
[   61.100002] Call Trace:
[   61.100003] ---[ end trace 0000000000000000 ]---
"""

TRAFFIC = """\
remote address: LID 0x9c2e, QPN 0x000002, PSN 0x524533, RKey 0x196dae92, VAddr 0x00007fd4f16c7000
1 s: 786432 bytes verified, 0 corrupt
traffic: a request failed: Work Request Flushed Error
{"role": "client", "bytes": 217712256, "seconds": 30.127, "corrupt": 0, "lost": 0, "errors": 1, \
"reconnects": 0, "connected": false, "completions": {"success": 7061, "flush": 15}, \
"events": {"QP_FATAL": 1, "PORT_ERR": 1}}
"""

GRANTS = """\
(XEN) gnttab_usage_print_all [ key 'g' pressed
(XEN)       -------- active --------       -------- shared --------
(XEN) [ref] localdom mfn      pin          localdom gmfn     flags
(XEN) grant-table for remote d0 (v1)
(XEN)   1 frames (64 max), 12 maptrack frames (1024 max)
(XEN) no active grant table entries
(XEN) grant-table for remote d1 (v1)
(XEN)   6 frames (64 max), 0 maptrack frames (1024 max)
(XEN) [0x000]      0 0x11e402 0x00000002          0 0x11e402 0x19
(XEN) [0x26c]      0 0x119d71 0x00000001          0 0x119d71 0x19
(XEN) gnttab_usage_print_all ] done
"""

CHANNELS = """\
(XEN) Event channel information for domain 0:
(XEN)     port [p/m/s]
(XEN)       32 [0/0/  -   ]: s=5 n=0 x=0 v=3
(XEN)       33 [0/0/  -   ]: s=3 n=1 x=0 d=0 p=13
(XEN)       34 [0/0/  -   ]: s=3 n=0 x=0 d=1 p=1
(XEN) Event channel information for domain 1:
(XEN)        1 [0/0/  -   ]: s=3 n=0 x=0 d=0 p=34
(XEN)        4 [0/0/  -   ]: s=6 n=0 x=0
"""

# Of UCX 1.13.1, with UCX_LOG_LEVEL=info.
UCX_LOG = """\
[1795348733.476132] [g1:11   :0]          parser.c:1916 UCX  INFO  UCX_* env variables: UCX_TLS=rc
[1795349394.318103] [g1:31   :0]      ucp_worker.c:1763 UCX  INFO    ep_cfg[0]: tag(self/memory0 cma/memory)
[1795349394.318371] [g1:31   :0]      ucp_worker.c:1763 UCX  INFO    ep_cfg[2]: tag(rc_verbs/vib0:1) rma_am(tcp/eth0)
"""

# Of ucx_perftest -f, and of fi_pingpong -I 20.
PERFTEST = """\
|     Test     | # iterations | 50.0%ile | average | overall |  average |  overall |  average  |  overall  |
+--------------+--------------+----------+---------+---------+----------+----------+-----------+-----------+
                         100      4.838     5.810     5.810    10756.83   10756.83      172109      172109
"""
PINGPONG = """\
bytes   #sent   #ack     total       time     MB/sec    usec/xfer   Mxfers/sec
64      20      =20      2.5k        8.62s      0.00  215400.08       0.00
4k      20      +3       160k        0.00s     56.11      73.00       0.01
1m      20      =20      40m         6.74s      6.22  168448.75       0.00
"""

MPI_CHECK = """\
ring: 6 ranks on 3 machines, 96 messages, 26837184 bytes: right
mpi_check: rank 3: MPI_Alltoall of 8 bytes from 1 to 3, round 0: word 0 is 0 and not 0x1
"""

LIST = """\
# XRC: none.
test_atomic.AtomicTest.test_xrc_atomic
# Others.
test_rdmacm.CMTestCase.test_rdmacm_sync
test_tag_matching.TMTest.test_tm pv
"""


class Strace(unittest.TestCase):
    def test_calls_are_counted_by_name(self) -> None:
        self.assertEqual(syscalls.counted(STRACE), {"ioctl": 16, "write": 1000})

    def test_what_grew_is_named(self) -> None:
        self.assertEqual(syscalls.grown({"ioctl": 16, "write": 10}, syscalls.counted(STRACE)),
                         {"write": 990})


class RdmaTests(unittest.TestCase):
    def setUp(self) -> None:
        self.result = rdma_tests.read(RDMA_TESTS)
        self.loaded, rdma_tests.LOADED = rdma_tests.LOADED, 5

    def tearDown(self) -> None:
        rdma_tests.LOADED = self.loaded

    def test_every_case_is_read(self) -> None:
        self.assertEqual(self.result.ran, 5)
        self.assertEqual(self.result.passed, ["test_addr.AHTest.test_create_ah"])
        self.assertEqual(self.result.bad, ["test_qpex.QpExTestCase.test_qp_ex"])
        self.assertEqual(len(self.result.skipped), 3)
        self.assertEqual(self.result.skipped["test_rdmacm.CMTestCase.test_rdmacm_sync"],
                         "Device rxe0 doesn't have net interface")

    def test_a_failure_is_a_problem(self) -> None:
        self.assertEqual(rdma_tests.problems(self.result, rdma_tests.accepted("pv", LIST), 3),
                         ["test_qpex.QpExTestCase.test_qp_ex failed"])

    def test_a_skip_that_is_not_listed_is_a_problem(self) -> None:
        self.assertIn("accepted_skips.txt does not list it", rdma_tests.problems(
            self.result, rdma_tests.accepted("pvh", LIST), 3)[1])

    def test_a_listed_case_that_runs_is_a_problem(self) -> None:
        listed = rdma_tests.accepted("pv", LIST + "test_addr.AHTest.test_create_ah\n")
        self.assertIn("no longer skipped",
                      rdma_tests.problems(self.result, listed, 3)[1])

    def test_too_many_skips_are_a_problem(self) -> None:
        self.assertIn("more than 2", rdma_tests.problems(
            self.result, rdma_tests.accepted("pv", LIST), 2)[-1])

    def test_a_run_that_broke_off_is_a_problem(self) -> None:
        broken = rdma_tests.read(RDMA_TESTS[:300])
        self.assertIn("0 cases ran, not 5", rdma_tests.problems(broken, {}, 3))

    def test_the_committed_list_is_within_the_promise(self) -> None:
        self.assertLessEqual(len(rdma_tests.accepted("pvh")), rdma_tests.MOST_SKIPPED)
        self.assertLessEqual(len(rdma_tests.accepted("pv")), rdma_tests.MOST_SKIPPED)


class Soaks(unittest.TestCase):
    def test_the_last_line_of_traffic(self) -> None:
        said = traffic.read(1, TRAFFIC)
        self.assertEqual((said.status, said.bytes, said.lost), (1, 217712256, 0))
        self.assertEqual(said.completions["flush"], 15)
        self.assertEqual(said.events, {"QP_FATAL": 1, "PORT_ERR": 1})

    def test_traffic_that_said_nothing_counted_nothing(self) -> None:
        self.assertEqual(traffic.read(137, "").completions, {})

    def test_active_grants_are_counted_by_domain(self) -> None:
        self.assertEqual(census.grants(GRANTS), {
            "grants_of_d0": 0, "grants_of_d1": 2})

    def test_event_channels_to_others_are_counted_by_domain(self) -> None:
        self.assertEqual(census.channels(CHANNELS), {"channels_of_d0": 2, "channels_of_d1": 1})

    def test_growth_is_named_and_memory_has_a_bound(self) -> None:
        before = {"dom0 grants_of_d1": 8, "g1 slab_kB": 9000, "dom0 xen_used_MB": 2128}
        now = {"dom0 grants_of_d1": 9, "g1 slab_kB": 9400, "dom0 xen_used_MB": 2130}
        self.assertEqual(census.growth(before, now), [
            "dom0 grants_of_d1: 8 before, 9 now"])
        self.assertEqual(census.growth(before, now, memory=True), [])
        now.update({"g1 slab_kB": 9600, "dom0 xen_used_MB": 2131})
        self.assertEqual(census.growth(before, now, memory=True), [
            "g1 slab_kB: 9000 before, 9600 now", "dom0 xen_used_MB: 2128 before, 2131 now"])

    def test_what_was_not_there_before_has_grown(self) -> None:
        self.assertEqual(census.growth({}, {"dom0 grants_of_d7": 3}),
                         ["dom0 grants_of_d7: 0 before, 3 now"])


class Middleware(unittest.TestCase):
    def test_transports_are_those_of_ucx_endpoints(self) -> None:
        self.assertEqual(middleware.transports(UCX_LOG), {
            "self/memory0", "cma/memory", "rc_verbs/vib0:1", "tcp/eth0"})
        self.assertEqual(middleware.transports(PERFTEST), set())

    def test_the_last_line_of_ucx_perftest(self) -> None:
        self.assertEqual(middleware.iterations(UCX_LOG + PERFTEST), [100])
        self.assertEqual(middleware.iterations(PERFTEST.rsplit("+", 1)[0]), [])

    def test_a_size_of_fi_pingpong_with_lost_answers_does_not_count(self) -> None:
        self.assertEqual(middleware.answered(PINGPONG, 20), ["64", "1m"])
        self.assertEqual(middleware.answered(PINGPONG, 10), [])

    def test_what_mpi_check_found_right(self) -> None:
        self.assertEqual(middleware.checked(MPI_CHECK),
                         [middleware.Checked("ring", 6, 3, 26837184)])

    def test_each_mpirun_starts_two_ranks_on_each_machine(self) -> None:
        guests = ("g1", "g2", "g3")
        for flavour, count in ((cluster.OPENMPI, "-np 6"), (cluster.MPICH, "-n 6")):
            words = cluster.mpirun(flavour, guests, ("ring",), {"UCX_TLS": "ud"})
            for part in (count, "g1,g2,g3", f"mpi_check.{flavour} ring", "UCX_TLS"):
                self.assertIn(part, words)


class Complaints(unittest.TestCase):
    def test_what_the_emulator_does_is_told_apart(self) -> None:
        said, emulator = complaints.complaints(STEPPED + WARNED)
        self.assertIn("vib_dereg_mr", said)
        self.assertNotIn("exc_debug_kernel", said)
        self.assertIn("exc_debug_kernel", emulator)
        self.assertNotIn("vib_dereg_mr", emulator)

    def test_what_follows_in_the_same_warning_is_a_complaint(self) -> None:
        lines = STEPPED.splitlines()
        lines.insert(2, "[    5.548000] BUG: unable to handle page fault")
        self.assertIn("page fault", complaints.complaints("\n".join(lines))[0])

    def test_a_warning_that_breaks_off_is_a_complaint(self) -> None:
        self.assertIn("exc_debug_kernel", complaints.complaints(STEPPED.rsplit("[", 2)[0])[0])

    def test_a_trace_without_a_warning_is_a_complaint(self) -> None:
        self.assertEqual(complaints.complaints("[ 1.0] Call Trace:"), ("[ 1.0] Call Trace:", ""))


if __name__ == "__main__":
    unittest.main()
