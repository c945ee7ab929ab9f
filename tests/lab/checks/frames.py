# SPDX-License-Identifier: GPL-2.0-or-later
"""What a capture of the wire (`lab capture`, a pcap file) has of RoCEv2 over IPv6."""

import struct
from collections import Counter
from typing import Iterator

# pcap-savefile(5), written by QEMU on this machine; link type Ethernet.
FILE_HEADER = struct.Struct("=IHHiIII")
RECORD_HEADER = struct.Struct("=IIII")
MAGIC = 0xA1B2C3D4
ETHERNET = 14
IPV6, IPV6_TYPE, UDP, UDP_HEADER = 40, 0x86DD, 17, 8
ROCE_PORT = 4791


def frames(capture: bytes) -> Iterator[bytes]:
    """The captured frames; what is cut off at the end is left out."""
    if len(capture) < FILE_HEADER.size or FILE_HEADER.unpack_from(capture)[0] != MAGIC:
        raise ValueError("this is no pcap file")
    at = FILE_HEADER.size
    while at + RECORD_HEADER.size <= len(capture):
        length = RECORD_HEADER.unpack_from(capture, at)[2]
        at += RECORD_HEADER.size
        if at + length <= len(capture):
            yield capture[at:at + length]
        at += length


def roce_pairs(capture: bytes) -> Counter[tuple[bytes, bytes]]:
    """How many RoCEv2 packets went from which GID to which, in IPv6 alone."""
    found: Counter[tuple[bytes, bytes]] = Counter()
    for frame in frames(capture):
        if len(frame) < ETHERNET + IPV6 + UDP_HEADER:
            continue
        (kind,) = struct.unpack_from("!H", frame, 12)
        ip = frame[ETHERNET:]
        (port,) = struct.unpack_from("!H", ip, IPV6 + 2)
        if kind == IPV6_TYPE and ip[6] == UDP and port == ROCE_PORT:
            found[ip[8:24], ip[24:40]] += 1
    return found
