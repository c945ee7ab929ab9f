#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers memory again and again until the device refuses, or N times.

    register_until_full.py DEVICE PAGES [N]

Prints "registered COUNT" and, if refused, "refused ERRNO"; then holds all of it
until it is ended, or ends if N was given. Runs in a guest.
"""

import errno
import mmap
import sys
import time

from pyverbs.device import Context
from pyverbs.enums import IBV_ACCESS_LOCAL_WRITE
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.pyverbs_error import PyverbsRDMAError

# No device has so much; ends a program whose device never refuses.
ENDLESS = 100000


def main() -> None:
    device, pages = sys.argv[1], int(sys.argv[2])
    wanted = int(sys.argv[3]) if len(sys.argv) > 3 else ENDLESS
    pd = PD(Context(name=device))
    # The same pages each time: what is used up is grants, not memory.
    size = pages * mmap.PAGESIZE
    first = MR(pd, size, IBV_ACCESS_LOCAL_WRITE)
    regions = [first]
    refusal = ""
    while len(regions) < wanted:
        try:
            regions.append(MR(pd, size, IBV_ACCESS_LOCAL_WRITE, address=first.buf))
        except PyverbsRDMAError as error:
            refusal = f"refused {errno.errorcode.get(error.error_code, error.error_code)}"
            break
    print(f"registered {len(regions)}", refusal, sep="\n", flush=True)
    if wanted == ENDLESS:
        time.sleep(600)


main()
