# SPDX-License-Identifier: GPL-2.0-or-later
"""fio, which reads back what it has written: stock, in a guest."""

import json
from typing import Any

from .host import Host

# Block size, queue depth, and how much is written: a guest has no room for more at a time.
SHAPES = (("512", 128, "256k"), ("4k", 1, "256k"), ("4k", 128, "2m"), ("64k", 32, "8m"),
          ("1m", 8, "8m"), ("4m", 2, "16m"))


def command(disk: str, words: str = "") -> str:
    """What is wrong ends it at once; `words` begin the jobs."""
    return (f"fio --filename={disk} --direct=1 --ioengine=libaio --size=16m --verify=crc32c "
            f"--do_verify=1 --verify_fatal=1 --output-format=json {words}")


def jobs(said: str) -> list[dict[str, Any]]:
    """Of its report; warnings may come before."""
    return json.loads(said[said.index("{"):])["jobs"]


def verified(host: Host, where: str, disk: str) -> None:
    """Random and sequential, small and large, few at a time and many."""
    words = " ".join(f"--name={pattern}-{size}-{depth} --stonewall --rw={pattern} --bs={size} "
                     f"--iodepth={depth} --io_size={much}"
                     for pattern in ("randwrite", "write") for size, depth, much in SHAPES)
    said = host.sh(where, command(disk, words), 600)
    for job in jobs(said):
        if job["error"] or not job["read"]["io_bytes"]:
            raise AssertionError(f"{where}: {disk}: {job['jobname']}: {said}")
