# SPDX-License-Identifier: GPL-2.0-or-later
"""Storage in guests' own kernels: one guest serves, another has it, as on real hardware."""

import re
from typing import Sequence

from . import fio, initiator, ipoib, target
from .lab_check import GUESTS, LabCheck

TARGET, INITIATOR = GUESTS
# Dom0's files, as disks of the target: what they hold outlives it.
FILES = {"/dev/loop6": "/var/tmp/target-b", "/dev/loop7": "/var/tmp/target-c"}
KEPT = ("/dev/xvdb", "/dev/xvdc")


class UlpChecks(LabCheck):
    """g1 serves disks and files, g2 logs in."""

    kept = False  # the target has the disks that outlive it

    def setUp(self) -> None:
        super().setUp()
        for guest in GUESTS:
            self.addCleanup(ipoib.down, self.host, guest)
        self.addCleanup(target.end, self.host, TARGET)
        self.addCleanup(initiator.end, self.host, INITIATOR)
        self.addressed()

    def addressed(self) -> None:
        for guest in GUESTS:
            ipoib.up(self.host, guest)

    def host_config(self, guest: str) -> str:
        config = super().host_config(guest)
        if guest != TARGET or not self.kept:
            return config
        more = "".join(f", 'vdev={disk[5:]},access=rw,format=raw,script=block-lab,target={loop}'"
                       for disk, loop in zip(KEPT, FILES))
        return re.sub(r"^(disk = \[.*)\]$", rf"\1{more} ]", config, flags=re.M)

    def keep(self) -> None:
        """The target begins anew, with disks that outlive it."""
        self.kept = True
        self.addCleanup(self.host.sh, "dom0", f"losetup -d {' '.join(FILES)}; "
                        f"rm -f {' '.join(FILES.values())}")
        self.host.sh("dom0", "modprobe loop; " + " && ".join(
            f"truncate -s 32M {name} && losetup {loop} {name}" for loop, name in FILES.items()))
        self.addCleanup(self.target_anew)
        self.addCleanup(setattr, self, "kept", False)
        self.target_anew()

    def target_anew(self) -> None:
        self.host.attempt("dom0", f"xl destroy {TARGET}")
        self.new_guest(TARGET)
        self.host.port_is(TARGET, "ACTIVE")
        ipoib.up(self.host, TARGET)

    def devices(self) -> Sequence[str]:
        return KEPT if self.kept else target.in_memory(self.host, TARGET)

    def serve_srp(self) -> None:
        target.disks(self.host, TARGET, self.devices())
        target.srp(self.host, TARGET, INITIATOR)

    def all_verified(self, disks: Sequence[str]) -> None:
        self.assertEqual(len(disks), target.DISKS)
        for disk in disks:
            fio.verified(self.host, INITIATOR, disk)
        self.assertEqual(self.complaints(), "")

    # ---- each protocol ---------------------------------------------------------------

    def test_srp(self) -> None:
        """srp_daemon finds the target by device management, and logs in by the CM."""
        self.serve_srp()
        initiator.srp_daemon(self.host, INITIATOR)
        self.all_verified(initiator.scsi(self.host, INITIATOR))

    def test_srp_by_the_rdma_cm(self) -> None:
        self.serve_srp()
        initiator.srp_by_address(self.host, INITIATOR, TARGET)
        self.all_verified(initiator.scsi(self.host, INITIATOR))

    def test_iser(self) -> None:
        target.disks(self.host, TARGET, self.devices())
        target.iser(self.host, TARGET)
        initiator.iser(self.host, INITIATOR, TARGET)
        self.all_verified(initiator.scsi(self.host, INITIATOR))

    def test_nvme(self) -> None:
        target.nvme(self.host, TARGET, self.devices())
        self.all_verified(initiator.nvme(self.host, INITIATOR, TARGET))

    def test_nfs(self) -> None:
        """A tree copied there and back, with the server rebooted in between."""
        self.keep()
        target.nfs(self.host, TARGET, KEPT[0], fresh=True)
        initiator.nfs(self.host, INITIATOR, TARGET)
        sums = "find . -type f -exec sha256sum {} + | sort"
        self.host.sh(INITIATOR, "mkdir /run/tree && cd /run/tree && for n in 1 2 3 4 5 6 7 8; do "
                     "mkdir d$n && head -c ${n}00001 /dev/urandom >d$n/large && "
                     "echo $n >d$n/small; done")
        self.addCleanup(self.host.attempt, INITIATOR, "rm -rf /run/tree /run/back")
        here = self.host.sh(INITIATOR, f"cd /run/tree && {sums}")
        self.host.sh(INITIATOR, f"cp -r /run/tree {initiator.MOUNT}/ && sync -f {initiator.MOUNT}")
        self.assertEqual(self.host.sh(TARGET, f"cd {target.SHARE}/tree && {sums}"), here)
        self.target_anew()
        target.nfs(self.host, TARGET, KEPT[0])
        self.host.sh(INITIATOR, f"cp -r {initiator.MOUNT}/tree /run/back", 300)
        self.assertEqual(self.host.sh(INITIATOR, f"cd /run/back && {sums}"), here)
        self.assertEqual(self.complaints(), "")

    # ---- trouble -----------------------------------------------------------------------

    def test_target_destroyed_under_io(self) -> None:
        """The initiator waits and goes on; no write that was acknowledged is lost."""
        self.keep()
        self.serve_srp()
        initiator.srp_daemon(self.host, INITIATOR)
        initiator.patient(self.host, INITIATOR)
        disk = initiator.scsi(self.host, INITIATOR)[0]
        writes = self.host.start(INITIATOR, fio.command(
            disk, "--name=v --rw=randwrite --bs=16k --iodepth=16 --loops=4"), 900)
        self.host.until(INITIATOR, initiator.written(disk, 100))
        self.target_anew()
        self.serve_srp()
        said, wrong = writes.communicate()
        self.assertEqual(writes.returncode, 0, said + wrong)
        self.assertEqual([job["error"] for job in fio.jobs(said)], [0])
        self.assertEqual(self.complaints(), "")

    def test_file_system_over_a_restart_of_the_target(self) -> None:
        self.serve_srp()
        initiator.srp_daemon(self.host, INITIATOR)
        initiator.patient(self.host, INITIATOR)
        disk = initiator.scsi(self.host, INITIATOR)[0]
        self.host.sh(INITIATOR, f"mkfs.ext4 -q {disk} && mkdir -p /run/fs && mount {disk} /run/fs")
        self.addCleanup(self.host.attempt, INITIATOR, "umount /run/fs")
        copies = self.host.start(INITIATOR, "cd /run/fs && for n in $(seq 1 20); do "
                                 "head -c 300000 /dev/urandom >f$n && sync f$n && "
                                 "sha256sum f$n >>/run/sums || exit; done", 600)
        self.addCleanup(self.host.attempt, INITIATOR, "rm -f /run/sums")
        self.host.until(INITIATOR, "test -s /run/sums")
        target.restart_srp(self.host, TARGET)
        said, wrong = copies.communicate()
        self.assertEqual(copies.returncode, 0, said + wrong)
        self.assertEqual(self.host.sh(INITIATOR, "cd /run/fs && sha256sum --quiet -c /run/sums && "
                                      "wc -l </run/sums"), "20")
        self.host.sh(INITIATOR, f"umount /run/fs && fsck.ext4 -fn {disk}", 300)

    def test_initiator_destroyed_under_io(self) -> None:
        """The target frees all it had for it, and the next has the disks."""
        self.serve_srp()
        before = target.resources(self.host, TARGET)
        initiator.srp_daemon(self.host, INITIATOR)
        disk = initiator.scsi(self.host, INITIATOR)[0]
        writes = self.host.start(INITIATOR, fio.command(
            disk, "--name=v --rw=randwrite --bs=16k --iodepth=16 --loops=100"), 900)
        self.host.until(INITIATOR, initiator.written(disk, 100))
        self.host.sh("dom0", f"xl destroy {INITIATOR}")
        writes.communicate()
        self.host.poll("the target frees what its initiator had",
                       lambda: target.resources(self.host, TARGET) == before)
        self.new_guest(INITIATOR)
        self.host.port_is(INITIATOR, "ACTIVE")
        ipoib.up(self.host, INITIATOR)
        initiator.srp_daemon(self.host, INITIATOR)
        fio.verified(self.host, INITIATOR, initiator.scsi(self.host, INITIATOR)[0])
        self.assertEqual(self.complaints(), "")

    def test_ibback_killed_under_io(self) -> None:
        """Both ends lose their QPs; the initiator connects anew and goes on."""
        self.serve_srp()
        initiator.srp_daemon(self.host, INITIATOR)
        initiator.patient(self.host, INITIATOR)
        disk = initiator.scsi(self.host, INITIATOR)[0]
        writes = self.host.start(INITIATOR, fio.command(
            disk, "--name=v --rw=randwrite --bs=16k --iodepth=16 --loops=4"), 900)
        self.host.until(INITIATOR, initiator.written(disk, 100))
        self.kill_ibback()
        said, wrong = writes.communicate()
        self.assertEqual(writes.returncode, 0, said + wrong)
        self.assertEqual([job["error"] for job in fio.jobs(said)], [0])
        self.assertEqual(self.complaints(), "")
