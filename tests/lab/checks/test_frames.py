# SPDX-License-Identifier: GPL-2.0-or-later
"""A capture is read right."""

import struct
import unittest

from . import frames, wire_checks
from xenlab import network

A, B = bytes(range(16)), bytes(range(16, 32))


def pcap(*of: bytes) -> bytes:
    return struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65536, 1) + b"".join(
        struct.pack("=IIII", 1, 2, len(f), len(f)) + f for f in of)


def roce(source: bytes, target: bytes, port: int = 4791, protocol: int = 17,
         kind: int = 0x86DD) -> bytes:
    return (bytes(12) + struct.pack("!H", kind) + bytes(6) + bytes([protocol, 64]) + source + target
            + struct.pack("!HHHH", 49152, port, 8, 0))


class FramesTest(unittest.TestCase):
    def test_packets_are_counted_by_direction(self) -> None:
        self.assertEqual(dict(frames.roce_pairs(pcap(roce(A, B), roce(A, B), roce(B, A)))),
                         {(A, B): 2, (B, A): 1})

    def test_other_frames_do_not_count(self) -> None:
        self.assertFalse(frames.roce_pairs(pcap(
            roce(A, B, port=53), roce(A, B, protocol=6), roce(A, B, kind=0x0800), b"", bytes(60))))

    def test_a_frame_that_is_cut_off(self) -> None:
        whole = pcap(roce(A, B), roce(A, B) + bytes(4))
        self.assertEqual(frames.roce_pairs(whole[:-1]), {(A, B): 1})
        self.assertEqual(frames.roce_pairs(whole[:30]), {})

    def test_no_capture(self) -> None:
        for data in (b"", bytes(100)):
            with self.assertRaises(ValueError):
                frames.roce_pairs(data)


class GidTest(unittest.TestCase):
    def test_as_an_address(self) -> None:
        self.assertEqual(wire_checks.link_local("peer"), "fe80::202:c9ff:fe00:3")
        self.assertEqual(len(network.gid("peer").replace(":", "")), 32)
