# SPDX-License-Identifier: GPL-2.0-or-later
"""What strace and rdma-core's tests print, as recorded in the lab, is read right."""

import unittest

from . import rdma_tests, syscalls

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


if __name__ == "__main__":
    unittest.main()
