# SPDX-License-Identifier: GPL-2.0-or-later
"""What tshark says of a capture is read right."""

import unittest

from . import frames, wire_checks, wired
from xenlab import network

A, B = "fe80::202:c9ff:fe00:1", "fe80::216:3eff:fe00:101"


class FramesTest(unittest.TestCase):
    def test_packets_are_counted_by_direction(self) -> None:
        lines = [f"{one}\t{other}\t0x000011\t65535" for one, other in ((A, B), (A, B), (B, A))]
        self.assertEqual(frames.pairs(lines), {(network.gid("dom0"), wired.gid("g1")): 2,
                                               (wired.gid("g1"), network.gid("dom0")): 1})

    def test_other_lines_do_not_count(self) -> None:
        self.assertFalse(frames.pairs(["", "Running as user \"root\""]))


class GidTest(unittest.TestCase):
    def test_as_an_address(self) -> None:
        self.assertEqual(wire_checks.link_local("peer"), "fe80::202:c9ff:fe00:3")
        self.assertEqual(wired.gid("g201"), "fe80:0000:0000:0000:0216:3eff:fe00:01c9")


if __name__ == "__main__":
    unittest.main()
