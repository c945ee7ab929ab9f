# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tools print, as recorded in the lab, is read right."""

import unittest

from . import perftest, pingpong, table
from .pair import Ended, Outcome
from .perftest import Perftest
from .pingpong import Pingpong

RULE = "-" * 87 + "\n"

READ_LAT = RULE + """\
 Data ex. method : Ethernet
---------------------------------------------------------------------------------------
 local address: LID 0000 QPN 0x0011 PSN 0xe360ae OUT 0x80 RKey 0x0002f1 VAddr 0x00555ede103000
---------------------------------------------------------------------------------------
 #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec] 
 8       20          904.34         29860.30      2614.01  	       9129.23     	9787.08		29860.30 		29860.30
""" + RULE

WRITE_BW = RULE + """\
 #bytes     #iterations    BW peak[MB/sec]    BW average[MB/sec]   MsgRate[Mpps]
 65536      20               3.86               3.80   		   0.000062
""" + RULE

NO_CLOCK = RULE + """\
 #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec] 
Correlation coefficient r^2: 0.858772 < 0.9
 8       20          inf            inf          inf      	       inf         	-nan   		inf     		inf    
""" + RULE

FAILED_WRITE = RULE + """\
 #bytes     #iterations    BW peak[MB/sec]    BW average[MB/sec]   MsgRate[Mpps]
 Completion with error at client
 Failed status 12: wr_id 0 syndrom 0x81
scnt=20, ccnt=0
"""

PINGPONG = """\
  local address:  LID 0x0000, QPN 0x000013, PSN 0xd11457, GID ::ffff:10.77.0.2
  remote address: LID 0x0000, QPN 0x000014, PSN 0x895e03, GID ::ffff:10.77.0.1
409600 bytes in 0.70 seconds = 4.68 Mbit/sec
50 iters in 0.70 seconds = 14015.98 usec/iter
"""


def outcome(client: str, server: str = "", client_status: int = 0) -> Outcome:
    return Outcome(Ended(0, server or client), Ended(client_status, client))


class PerftestOutput(unittest.TestCase):
    read_lat = Perftest("ib_read_lat", 8, 20, 20)
    write_bw = Perftest("ib_write_bw", 65536, 20, 20)

    def test_the_typical_latency_is_read(self) -> None:
        self.assertEqual(perftest.figure(self.read_lat, outcome(READ_LAT)), 2614.01)

    def test_the_average_bandwidth_is_read(self) -> None:
        self.assertEqual(perftest.figure(self.write_bw, outcome(WRITE_BW)), 3.80)

    def test_figures_of_another_size_do_not_count(self) -> None:
        self.assertIsNone(perftest.figure(Perftest("ib_read_lat", 4, 20, 20), outcome(READ_LAT)))

    def test_no_figure_without_a_clock(self) -> None:
        self.assertTrue(perftest.clock_lost(NO_CLOCK))
        self.assertFalse(perftest.clock_lost(READ_LAT))
        self.assertIsNone(perftest.figure(self.read_lat, outcome(NO_CLOCK)))

    def test_no_figure_of_a_run_that_failed(self) -> None:
        self.assertIsNone(perftest.figure(self.write_bw, outcome(FAILED_WRITE)))
        self.assertIsNone(perftest.figure(self.write_bw, outcome(WRITE_BW, client_status=1)))
        self.assertIsNone(perftest.figure(self.write_bw, outcome("", WRITE_BW)))


class PingpongOutput(unittest.TestCase):
    test = Pingpong("rc", 4096, 50)

    def test_a_good_run(self) -> None:
        self.assertEqual(pingpong.problems(self.test, outcome(PINGPONG)), [])
        self.assertEqual(pingpong.latency(PINGPONG), 14015.98)

    def test_wrong_data_is_a_problem_though_the_status_is_0(self) -> None:
        wrong = PINGPONG + "invalid data in page 0\ninvalid data in page 1\n"
        self.assertRegex(pingpong.problems(self.test, outcome(PINGPONG, wrong))[0],
                         "server: 2 pages with wrong data")

    def test_too_few_bytes_are_a_problem(self) -> None:
        self.assertTrue(pingpong.problems(Pingpong("rc", 4096, 51), outcome(PINGPONG)))

    def test_no_result_is_a_problem(self) -> None:
        self.assertTrue(pingpong.problems(self.test, outcome(PINGPONG, "local address: ...")))

    def test_a_status_is_a_problem(self) -> None:
        self.assertTrue(pingpong.problems(self.test, outcome(PINGPONG, client_status=1)))


class Verdict(unittest.TestCase):
    @staticmethod
    def rows(latency, bandwidth) -> list[table.Row]:
        return [table.Row(Perftest("ib_read_lat", 8, 1, 1), latency, 1000.0),
                table.Row(Perftest("ib_write_bw", 65536, 1, 1), bandwidth, 10.0)]

    def test_both_promises_kept(self) -> None:
        self.assertTrue(table.verdict(self.rows(20.0, 500.0))[1])

    def test_either_promise_broken(self) -> None:
        self.assertFalse(table.verdict(self.rows(20.1, 500.0))[1])
        lines, kept = table.verdict(self.rows(20.0, 499.0))
        self.assertFalse(kept)
        self.assertIn("NOT MET", lines[1])

    def test_a_missing_figure_keeps_no_promise(self) -> None:
        self.assertFalse(table.verdict(self.rows(None, 500.0))[1])
        self.assertIn("missing", table.line(self.rows(None, 500.0)[0]))


if __name__ == "__main__":
    unittest.main()
