#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Device memory that is moved, shared, and outlives its backend.

    device_memory.py DEVICE

Prints "registered" when it waits for the port to go and come back, and "right" at the
end, or says what is wrong. Runs in a guest.
"""

import errno
import os
import sys

from pyverbs.addr import AHAttr
from pyverbs.cq import CQ
from pyverbs.device import DM, AllocDmAttr, Context
from pyverbs.enums import (IBV_ACCESS_LOCAL_WRITE, IBV_ACCESS_REMOTE_WRITE, IBV_ACCESS_ZERO_BASED,
                           IBV_EVENT_PORT_ACTIVE, IBV_QPT_RC, IBV_SEND_SIGNALED, IBV_WC_SUCCESS,
                           IBV_WR_RDMA_WRITE)
from pyverbs.mr import DMMR, MR
from pyverbs.pd import PD
from pyverbs.pyverbs_error import PyverbsRDMAError
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, SendWR

PAGE = 4096
# Four pages, the last of which is not all its own.
LENGTH = 3 * PAGE + 100
WRITABLE = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE
# The first begins a page.
OFFSETS = (0, 4, PAGE + 8)


def text(salt: int, length: int) -> bytes:
    return bytes((place * 7 + salt) % 251 for place in range(length))


def must(true: bool, what: str) -> None:
    if not true:
        sys.exit(f"wrong: {what}")


class Loop:
    """Two QPs that are connected to each other."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.pd = PD(context)
        self.cq = CQ(context, 16)
        attributes = QPAttr(port_num=1)
        attributes.qp_access_flags = WRITABLE
        self.qps = [QP(self.pd, QPInitAttr(qp_type=IBV_QPT_RC, scq=self.cq, rcq=self.cq,
                                           cap=QPCap(4, 4, 1, 1)), attributes) for _ in range(2)]
        for this, other in zip(self.qps, reversed(self.qps)):
            attributes.dest_qp_num = other.qp_num
            attributes.path_mtu = 5
            attributes.max_dest_rd_atomic = attributes.max_rd_atomic = 1
            attributes.min_rnr_timer, attributes.timeout = 12, 20
            attributes.retry_cnt = attributes.rnr_retry = 7
            attributes.ah_attr = AHAttr(dlid=context.query_port(1).lid, port_num=1)
            this.to_rts(attributes)

    def write(self, local: SGE, rkey: int, address: int) -> None:
        request = SendWR(opcode=IBV_WR_RDMA_WRITE, num_sge=1, sg=[local],
                         send_flags=IBV_SEND_SIGNALED)
        request.set_wr_rdma(rkey, address)
        self.qps[0].post_send(request)
        count, completions = 0, []
        while not count:
            count, completions = self.cq.poll(1)
        must(completions[0].status == IBV_WC_SUCCESS,
             f"completed with status {completions[0].status}")


def moves(loop: Loop, dm: DM) -> None:
    """RDMA goes out of it and into it, whose addresses count from 0 wherever it begins."""
    for offset in OFFSETS:
        length = LENGTH - offset
        region = DMMR(loop.pd, length, WRITABLE | IBV_ACCESS_ZERO_BASED, dm, offset)
        plain = MR(loop.pd, LENGTH, WRITABLE)
        dm.copy_to_dm(0, text(offset, LENGTH), LENGTH)
        loop.write(SGE(0, length, region.lkey), plain.rkey, plain.buf)
        must(plain.read(length, 0) == text(offset, LENGTH)[offset:], f"what was read at {offset}")
        plain.write(text(99, 8), 8)
        loop.write(SGE(plain.buf, 8, plain.lkey), region.rkey, length - 8)
        must(dm.copy_from_dm(LENGTH - 8, 8) == text(99, 8), f"what was written at {offset}")
        region.close()
        plain.close()


def is_shared(dm: DM, context: Context) -> None:
    """A child, and whoever imports it, have the same; it stays while a region of theirs does."""
    child = os.fork()
    if not child:
        dm.copy_to_dm(0, b"fork", 4)
        os._exit(0)
    must(os.waitpid(child, 0)[1] == 0, "the child's end")
    must(dm.copy_from_dm(0, 4) == b"fork", "what the child wrote")
    other = Context(cmd_fd=os.dup(context.cmd_fd))
    view = DM(other, handle=dm.handle)
    must(view.copy_from_dm(0, 4) == b"fork", "what was imported")
    pd = PD(other)
    region = DMMR(pd, LENGTH, WRITABLE | IBV_ACCESS_ZERO_BASED, view, 0)
    try:
        dm.close()
    except PyverbsRDMAError as error:
        must(error.error_code == errno.EBUSY, f"freeing it with a region: {error}")
    else:
        must(False, "it was freed with a region")
    region.close()
    pd.close()
    view.unimport()


def main() -> None:
    context = Context(name=sys.argv[1])
    dm = DM(context, AllocDmAttr(length=LENGTH))
    must(dm.copy_from_dm(0, LENGTH) == bytes(LENGTH), "it is not zero at first")
    old = Loop(context)
    moves(old, dm)
    is_shared(dm, context)
    dm.copy_to_dm(0, text(1, LENGTH), LENGTH)
    lost = DMMR(old.pd, LENGTH, WRITABLE | IBV_ACCESS_ZERO_BASED, dm, 0)
    print("registered", flush=True)
    back = False
    while not back:
        event = context.get_async_event()
        back = event.event_type == IBV_EVENT_PORT_ACTIVE
        event.ack()
    must(dm.copy_from_dm(0, LENGTH) == text(1, LENGTH), "what it held")
    lost.close()
    moves(Loop(context), dm)
    is_shared(dm, context)
    dm.close()
    print("right", flush=True)


main()
