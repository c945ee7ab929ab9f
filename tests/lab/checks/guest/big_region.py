#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One large memory region, every page of which a peer reads and writes.

    big_region.py hold DEVICE MIB ROUNDS    register it, serve a peer, deregister it;
                                            after the last round hold it, registered
    big_region.py peer DEVICE HOLDER        read and write the region of that host, once

The holder prints "registered SECONDS", "right" and "deregistered SECONDS" in each round, or
"refused ERRNO" and ends. Runs in guests.
"""

import ctypes
import errno
import json
import mmap
import socket
import sys
import time
from typing import Sequence

from pyverbs.addr import AHAttr
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.enums import (IBV_ACCESS_LOCAL_WRITE, IBV_ACCESS_REMOTE_READ, IBV_ACCESS_REMOTE_WRITE,
                           IBV_QPT_RC, IBV_SEND_SIGNALED, IBV_WC_SUCCESS, IBV_WR_RDMA_READ,
                           IBV_WR_RDMA_WRITE)
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.pyverbs_error import PyverbsRDMAError
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, SendWR

PORT = 20179
REMOTE = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE
WORDS = mmap.PAGESIZE // 8
MIB = 1 << 20
# Messages of so much, the first of half: so they cross whatever a backend that takes memory
# in slices of a power of two has for boundaries, up to the MIB they begin at.
MESSAGE = 16 * MIB


class Memory:
    """Anonymous memory whose pages each have a word that tells which it is."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        self._words = memoryview(self._map).cast("Q")

    def stamp(self, first: int, pages: int, salt: int) -> None:
        """Number the first so many pages from `first` on."""
        for page in range(pages):
            self._words[page * WORDS] = salt + first + page

    def wrong(self, first: int, pages: int, salt: int) -> list[int]:
        """Which of the pages are not those."""
        return [first + page for page in range(pages)
                if self._words[page * WORDS] != salt + first + page]


READ_SALT, WRITTEN_SALT = 1 << 40, 2 << 40


class End:
    """A QP and what it needs."""

    def __init__(self, device: str) -> None:
        self.context = Context(name=device)
        self.pd = PD(self.context)
        self.cq = CQ(self.context, 16)
        self.qp = QP(self.pd, QPInitAttr(qp_type=IBV_QPT_RC, scq=self.cq, rcq=self.cq,
                                         cap=QPCap(4, 4, 1, 1)), self._attributes())

    @staticmethod
    def _attributes() -> QPAttr:
        attributes = QPAttr(port_num=1)
        attributes.qp_access_flags = REMOTE
        return attributes

    def name(self) -> dict[str, int]:
        return {"lid": self.context.query_port(1).lid, "qpn": self.qp.qp_num}

    def connect(self, peer: dict[str, int]) -> None:
        attributes = self._attributes()
        attributes.dest_qp_num = peer["qpn"]
        attributes.path_mtu = 5
        attributes.max_dest_rd_atomic = attributes.max_rd_atomic = 1
        attributes.min_rnr_timer, attributes.timeout = 12, 20
        attributes.retry_cnt = attributes.rnr_retry = 7
        attributes.ah_attr = AHAttr(dlid=peer["lid"], port_num=1)
        self.qp.to_rts(attributes)

    def do(self, opcode: int, local: SGE, rkey: int, address: int) -> None:
        """One RDMA operation, waited for."""
        request = SendWR(opcode=opcode, num_sge=1, sg=[local], send_flags=IBV_SEND_SIGNALED)
        request.set_wr_rdma(rkey, address)
        self.qp.post_send(request)
        count, completions = 0, []
        while not count:
            count, completions = self.cq.poll(1)
        if completions[0].status != IBV_WC_SUCCESS:
            sys.exit(f"completed with status {completions[0].status}")


def timed(word: str, since: float) -> None:
    print(word, f"{time.monotonic() - since:.2f}", flush=True)


def hold(device: str, size: int, rounds: int) -> None:
    memory = Memory(size)
    pages = size // mmap.PAGESIZE
    listener = socket.create_server(("", PORT))
    for left in range(rounds - 1, -1, -1):
        end = End(device)
        began = time.monotonic()
        try:
            region = MR(end.pd, size, REMOTE, address=memory.address)
        except PyverbsRDMAError as error:
            sys.exit(f"refused {errno.errorcode.get(error.error_code, error.error_code)}")
        timed("registered", began)
        memory.stamp(0, pages, READ_SALT)
        serve(listener, end, {"address": memory.address, "rkey": region.rkey, "size": size})
        bad = memory.wrong(0, pages, WRITTEN_SALT)
        print(f"wrong {len(bad)} pages, first {bad[0]}" if bad else "right", flush=True)
        if left:
            began = time.monotonic()
            region.close()
            timed("deregistered", began)
    time.sleep(3600)


def serve(listener: socket.socket, end: End, region: dict[str, int]) -> None:
    """Let one peer do its work."""
    connection, _ = listener.accept()
    with connection, connection.makefile("rw") as stream:
        print(json.dumps(end.name() | region), file=stream, flush=True)
        end.connect(json.loads(stream.readline()))
        print(json.dumps("go"), file=stream, flush=True)
        stream.readline()


def peer(device: str, holder: str) -> None:
    end = End(device)
    memory = Memory(MESSAGE)
    local = MR(end.pd, MESSAGE, IBV_ACCESS_LOCAL_WRITE, address=memory.address)
    with socket.create_connection((holder, PORT)) as connection, connection.makefile("rw") as stream:
        region = json.loads(stream.readline())
        end.connect(region)
        print(json.dumps(end.name()), file=stream, flush=True)
        stream.readline()
        at, length = 0, MESSAGE // 2
        while at < region["size"]:
            length = min(length, region["size"] - at)
            part = SGE(memory.address, length, local.lkey)
            first, pages = at // mmap.PAGESIZE, length // mmap.PAGESIZE
            end.do(IBV_WR_RDMA_READ, part, region["rkey"], region["address"] + at)
            bad = memory.wrong(first, pages, READ_SALT)
            if bad:
                sys.exit(f"read wrong {len(bad)} pages, first {bad[0]}")
            memory.stamp(first, pages, WRITTEN_SALT)
            end.do(IBV_WR_RDMA_WRITE, part, region["rkey"], region["address"] + at)
            at, length = at + length, MESSAGE
        print(json.dumps("done"), file=stream, flush=True)
    print("right", flush=True)


def main(words: Sequence[str]) -> None:
    if words[0] == "hold":
        hold(words[1], int(words[2]) * MIB, int(words[3]))
    else:
        peer(words[1], words[2])


main(sys.argv[1:])
