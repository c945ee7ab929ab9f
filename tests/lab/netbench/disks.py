# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's disk that is somebody's memory: another guest's, by SRP, or Dom0's, by xen-blkfront."""

import shlex
from typing import Any, Optional

from checks import fio, initiator, target, vport0
from checks.host import Host

from .programs import Program

TARGET, GUEST = "g1", "g2"
BLKFRONT, IN_GUEST, BLOCK_SRP = "xen-blkfront", "ib_srp in the guest", "block-srp in Dom0"
WAYS = [BLKFRONT, IN_GUEST, BLOCK_SRP]
# The guest's name for what Dom0 gives it.
DISKS = {BLKFRONT: "/dev/xvdd", BLOCK_SRP: "/dev/xvde"}


def _read(said: str) -> dict[str, Any]:
    """fio's figures of what was read; none if it failed."""
    try:
        (job,) = fio.jobs(said)
    except (ValueError, KeyError):
        return {}
    return {} if job["error"] else job["read"]


def requests(said: str) -> Optional[float]:
    """A second."""
    return _read(said).get("iops") or None


def bandwidth(said: str) -> Optional[float]:
    """MiB/s."""
    return _read(said).get("bw_bytes", 0) / (1 << 20) or None


FIO = ("fio --name=bench --filename={disk} --direct=1 --ioengine=libaio --size=32m --time_based "
       "--runtime={seconds} --output-format=json ")
PROGRAMS = (
    Program("fio", "random reads of 4 KiB, 16 at a time", "/s", 0, "",
            FIO + "--rw=randread --bs=4k --iodepth=16", requests, None),
    Program("fio", "reading 1 MiB after 1 MiB, 4 at a time", "MiB/s", 0, "",
            FIO + "--rw=read --bs=1m --iodepth=4", bandwidth, None),
)


def _attach(host: Host, way: str, words: str) -> None:
    disk = DISKS[way]
    if host.attempt(GUEST, f"test -b {disk}").returncode:
        host.sh("dom0", "xl block-attach " + shlex.join(
            [GUEST, f"vdev={disk[5:]}, access=rw, {words}"]))
        host.until(GUEST, f"test -b {disk}")


def prepare(host: Host) -> None:
    """All three are there at once."""
    vport0.attach(host)
    target.disks(host, TARGET, target.in_memory(host, TARGET))
    where = target.srp(host, TARGET, GUEST, "dom0")
    initiator.srp(host, GUEST, where)
    host.sh("dom0", f"modprobe ib_srp; modprobe brd rd_nr=1 rd_size={target.SIZE}")
    _attach(host, BLOCK_SRP, f"script=block-srp, target={where}")
    _attach(host, BLKFRONT, "format=raw, script=block-lab, target=/dev/ram0")
    # Memory that nobody has written is not there to be read.
    for way in WAYS:
        host.sh(GUEST, f"dd if=/dev/zero of={_disk(host, way)} bs=1M count=32 oflag=direct", 300)


def _disk(host: Host, way: str) -> str:
    return DISKS.get(way) or initiator.scsi(host, GUEST)[0]


def figure(host: Host, program: Program, way: str, seconds: int) -> Optional[float]:
    done = host.attempt(GUEST, program.client.format(disk=_disk(host, way), seconds=seconds),
                        10 * seconds + 60)
    read = program.read(done.stdout)
    if read is None:
        print(f"fio over {way} gave no figure, exit status {done.returncode}: "
              f"{(done.stdout + done.stderr)[-600:]}", flush=True)
    return read
