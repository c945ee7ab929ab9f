# SPDX-License-Identifier: GPL-2.0-or-later
"""What the programs print is read right, and compared right."""

import unittest

from . import disks, table, tcp, verbs
from .tcp import PROGRAMS, iperf3_figure, qperf_figure

IPERF3, QPERF = PROGRAMS


class FigureTest(unittest.TestCase):
    def test_iperf3_says_what_arrived(self) -> None:
        self.assertEqual(iperf3_figure('{"end": {"sum_sent": {"bits_per_second": 9e6},'
                                       ' "sum_received": {"bits_per_second": 2.5e6}}}'), 2.5)

    def test_iperf3_without_a_figure(self) -> None:
        for said in ("", '{"error": "unable to connect"}', '{"end": {}}',
                     '{"end": {"sum_received": {"bits_per_second": 0}}}'):
            self.assertIsNone(iperf3_figure(said), said)

    def test_qperf_in_any_unit(self) -> None:
        for said, figure in (("812 us", 812), ("1.25 ms", 1250), ("2 sec", 2e6), ("90 ns", 0.09)):
            self.assertAlmostEqual(qperf_figure(f"tcp_lat:\n    latency  =  {said}\n"), figure)
        self.assertIsNone(qperf_figure("failed to connect: Connection refused"))


PERFTEST = """\
 #bytes     #iterations    BW peak[MiB/sec]    BW average[MiB/sec]   MsgRate[Mpps]
 65536      300              31.20              30.75  0.000492
"""


class PerftestTest(unittest.TestCase):
    def test_the_line_of_the_size_is_read(self) -> None:
        self.assertEqual(verbs.column(65536, 3)(PERFTEST), 30.75)
        self.assertEqual(verbs.column(65536, -1)(PERFTEST), 0.000492)

    def test_no_such_line(self) -> None:
        for said in ("", "65536", PERFTEST.replace("30.75", "nan"), PERFTEST.replace("65536", "8")):
            self.assertIsNone(verbs.column(65536, 3)(said), said)


class FioTest(unittest.TestCase):
    def test_what_was_read_counts(self) -> None:
        said = ('fio: a warning\n{"jobs": [{"error": 0, "read": {"iops": 1250.5, "bw_bytes": 3145728},'
                ' "write": {"iops": 7}}]}')
        self.assertEqual(disks.requests(said), 1250.5)
        self.assertEqual(disks.bandwidth(said), 3.0)

    def test_no_figure(self) -> None:
        for said in ("", "fio: no such disk", '{"jobs": []}',
                     '{"jobs": [{"error": 5, "read": {"iops": 9, "bw_bytes": 9}}]}',
                     '{"jobs": [{"error": 0, "read": {"iops": 0, "bw_bytes": 0}}]}'):
            self.assertIsNone(disks.requests(said), said)


class TableTest(unittest.TestCase):
    def row(self, program, **figures) -> table.Row:
        names = {"netfront": tcp.NETFRONT}
        return table.Row(program, tcp.NETFRONT, {names.get(way, way): seen for way, seen in figures.items()})

    def test_the_better_mode_counts_by_its_median(self) -> None:
        row = self.row(IPERF3, netfront=[100, 90, 400], ud=[90, 90, 90], rc=[310, 10, 300])
        self.assertEqual(row.best(), 3.0)
        self.assertTrue(table.verdict(row)[1])

    def test_a_lower_latency_is_better(self) -> None:
        row = self.row(QPERF, netfront=[100], ud=[80], rc=[60])
        self.assertAlmostEqual(row.best() or 0, 100 / 60)
        self.assertFalse(table.verdict(row)[1])

    def test_nothing_promised_takes_a_figure_all_the_same(self) -> None:
        program = disks.PROGRAMS[0]
        self.assertTrue(table.verdict(self.row(program, netfront=[100], ud=[1]))[1])
        self.assertFalse(table.verdict(self.row(program, netfront=[100]))[1])

    def test_no_figure_meets_nothing(self) -> None:
        row = self.row(IPERF3, ud=[10])
        row.add(tcp.NETFRONT, None)
        self.assertEqual((row.best(), table.verdict(row)[1]), (None, False))
        self.assertIn("missing", "\n".join(table.lines(row, [tcp.NETFRONT, "ud"])))


if __name__ == "__main__":
    unittest.main()
