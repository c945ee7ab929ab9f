#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that wants more of device memory than is its own.

    device_memory_refused.py DEVICE

Lengths, offsets and handles that are wrong, more than there is, memory that was freed.
Prints "right" at the end, or says what is wrong. Runs in a guest, as root.
"""

import errno
import mmap
import os
import sys
from typing import Callable

from pyverbs.device import DM, AllocDmAttr, Context
from pyverbs.enums import (IBV_ACCESS_LOCAL_WRITE, IBV_ACCESS_REMOTE_WRITE,
                           IBV_ACCESS_ZERO_BASED)
from pyverbs.mr import DMMR
from pyverbs.pd import PD
from pyverbs.pyverbs_error import PyverbsRDMAError

DEVICE = sys.argv[1]
PAGE = 4096
LENGTH = 3 * PAGE + 100
ALL = 1 << 64
ACCESS = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_ZERO_BASED


def must(true: bool, what: str) -> None:
    if not true:
        sys.exit(f"wrong: {what}")


def refused(what: str, make: Callable[[], object], *wanted: int) -> None:
    try:
        make()
    except PyverbsRDMAError as error:
        must(error.error_code in wanted, f"{what}: {errno.errorcode.get(error.error_code)}")
    else:
        must(False, f"{what} was allowed")


def allocate(context: Context, length: int, alignment: int = 0, mask: int = 0) -> DM:
    return DM(context, AllocDmAttr(length, alignment, mask))


def lengths(context: Context, limit: int) -> None:
    """Of what is allocated."""
    for length in (0, limit + 1, limit + PAGE, 1 << 32, 1 << 63, ALL - PAGE, ALL - PAGE + 1, ALL - 1):
        refused(f"device memory of {length} bytes", lambda: allocate(context, length), errno.EINVAL)
    for alignment in (13, 31, 32, 63, 64, (1 << 32) - 1):
        refused(f"alignment {alignment}", lambda: allocate(context, PAGE, alignment), errno.EINVAL)
    refused("an unknown attribute", lambda: allocate(context, PAGE, 0, 1), errno.EINVAL)


def quota(context: Context, limit: int) -> None:
    """It is all programs' together, and what is freed can be had again."""
    for _ in range(3):
        half = allocate(context, limit // 2)
        # A page, though it is of a byte.
        byte = allocate(Context(name=DEVICE), 1)
        refused("more than max_dm", lambda: allocate(context, limit // 2), errno.ENOMEM)
        rest = allocate(context, limit // 2 - PAGE)
        refused("a byte more than max_dm", lambda: allocate(context, 1), errno.ENOMEM)
        for memory in (rest, byte, half):
            memory.close()
    allocate(context, limit).close()


def regions(context: Context, dm: DM) -> None:
    """Of what is registered of it."""
    pd = PD(context)
    for offset, length in ((0, LENGTH + 1), (LENGTH, 1), (LENGTH - 1, 2), (LENGTH + 1, 0), (PAGE * 4, 1),
                           (1, ALL - 1), (PAGE, ALL - PAGE), (ALL - 1, 1), (ALL - PAGE, PAGE + 1),
                           (ALL - 1, ALL - 1), (0, ALL - 1), (1 << 32, 1), (0, 1 << 32)):
        refused(f"a region of {length} bytes from {offset} on",
                lambda: DMMR(pd, length, ACCESS, dm, offset), errno.EINVAL)
    refused("a region with addresses",
            lambda: DMMR(pd, PAGE, IBV_ACCESS_LOCAL_WRITE, dm, 0), errno.EINVAL)
    refused("a region that others alone write",
            lambda: DMMR(pd, PAGE, IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_ZERO_BASED, dm, 0),
            errno.EINVAL)
    for offset, length in ((LENGTH - 1, 1), (LENGTH, 0), (PAGE - 1, 2), (0, LENGTH)):
        DMMR(pd, length, ACCESS, dm, offset).close()
    pd.close()


def copies(dm: DM) -> None:
    """Of what is copied into and out of it."""
    for offset, length in ((0, LENGTH + 4), (LENGTH, 4), (LENGTH - 4, 8), (ALL - 4, 8), (1 << 32, 4)):
        refused(f"{length} bytes to {offset}", lambda: dm.copy_to_dm(offset, bytes(length), length),
                errno.EFAULT)
        refused(f"{length} bytes from {offset}", lambda: dm.copy_from_dm(offset, length),
                errno.EFAULT)


def others(context: Context, dm: DM) -> None:
    """A handle is of its own file."""
    stranger = Context(name=DEVICE)
    refused("another's handle", lambda: DM(stranger, handle=dm.handle), errno.ENOENT)
    pd = PD(stranger)
    refused("a region of another's", lambda: DMMR(pd, PAGE, ACCESS, dm, 0), errno.ENOENT, errno.EINVAL)
    pd.close()
    for handle in (dm.handle + 1000, 0x7fffffff, 0xffffffff):
        refused("a handle of nothing", lambda: DM(context, handle=handle), errno.ENOENT, errno.EINVAL)


def mappings(context: Context) -> None:
    """Nothing is mapped longer than it is."""
    for page in range(64):
        try:
            mmap.mmap(context.cmd_fd, 64 << 20, offset=page * PAGE)
        except OSError:
            continue
        must(False, f"64 MiB were mapped from page {page} on")


def freed(context: Context) -> None:
    """Who had it mapped has what it was, and nobody else's."""
    dm = allocate(context, LENGTH)
    other = Context(cmd_fd=os.dup(context.cmd_fd))
    view = DM(other, handle=dm.handle)
    pd, handle = PD(other), dm.handle
    dm.copy_to_dm(0, b"mine", 4)
    dm.close()
    refused("a region of what was freed", lambda: DMMR(pd, PAGE, ACCESS, view, 0), errno.ENOENT, errno.EINVAL)
    refused("the handle of what was freed", lambda: DM(other, handle=handle), errno.ENOENT, errno.EINVAL)
    must(view.copy_from_dm(0, 4) == b"mine", "what was mapped and freed")
    anew = allocate(context, LENGTH)
    must(anew.copy_from_dm(0, LENGTH) == bytes(LENGTH), "it is not zero at first")
    view.copy_to_dm(0, bytes([7]) * LENGTH, LENGTH)
    must(anew.copy_from_dm(0, LENGTH) == bytes(LENGTH), "it is what another had freed")
    view.unimport()
    pd.close()
    anew.close()


def main() -> None:
    context = Context(name=DEVICE)
    limit = context.query_device_ex().max_dm_size
    must(limit == 1 << 20, f"max_dm_size is {limit}")
    lengths(context, limit)
    quota(context, limit)
    dm = allocate(context, LENGTH)
    regions(context, dm)
    copies(dm)
    others(context, dm)
    mappings(context)
    dm.close()
    freed(context)
    quota(context, limit)
    print("right", flush=True)


main()
