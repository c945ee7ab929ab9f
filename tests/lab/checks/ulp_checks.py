# SPDX-License-Identifier: GPL-2.0-or-later
"""Storage in guests' own kernels: one guest serves, another has it, as on real hardware."""

import re
import subprocess
from typing import ClassVar, Sequence

from . import fio, initiator, ipoib, target
from .lab_check import GUESTS, LabCheck

# Dom0's files, as disks of the target: what they hold outlives it.
FILES = {"/dev/loop6": "/var/tmp/target-b", "/dev/loop7": "/var/tmp/target-c"}
KEPT = ("/dev/xvdb", "/dev/xvdc")
# The least there may be, and frames of 512 grants that suffice for it and 2048 of others'.
SCARCE_POOL, SCARCE_FRAMES = "8M", 11


class Ulp(LabCheck):
    """A guest that serves disks and files, and one that logs in."""

    pair: ClassVar[tuple[str, str]]  # target, initiator
    vib: ClassVar[str]
    loops = 4  # of what writing() does

    kept = False  # the target has the disks that outlive it
    scarce = False  # the initiator has the smallest pool and few grants beside it

    @property
    def target(self) -> str:
        return self.pair[0]

    @property
    def initiator(self) -> str:
        return self.pair[1]

    def setUp(self) -> None:
        super().setUp()
        for guest in self.pair:
            self.addCleanup(ipoib.down, self.host, guest, self.vib)
        self.addCleanup(target.end, self.host, self.target)
        self.addCleanup(initiator.end, self.host, self.initiator)
        for guest in self.pair:
            ipoib.up(self.host, guest, device=self.vib)

    def host_config(self, guest: str) -> str:
        config = super().host_config(guest)
        if guest == self.initiator and self.scarce:
            return config.replace("vib = [ '' ]", f"vib = [ 'prereg={SCARCE_POOL}' ]\n"
                                  f"max_grant_frames = {SCARCE_FRAMES}")
        if guest != self.target or not self.kept:
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
        # While its target is there: a disk with a cache is not given up before that is flushed.
        self.addCleanup(initiator.end, self.host, self.initiator)
        self.target_anew()

    def anew(self, guest: str) -> None:
        self.host.attempt("dom0", f"xl destroy {guest}")
        self.new_guest(guest)
        self.host.port_is(guest, "ACTIVE", self.vib)
        if not (guest == self.initiator and self.scarce):  # IPoIB alone has 16 MiB mapped
            ipoib.up(self.host, guest, device=self.vib)

    def initiator_anew(self, scarce: bool = False) -> None:
        self.scarce = scarce
        self.anew(self.initiator)

    def target_anew(self) -> None:
        self.anew(self.target)

    def devices(self) -> Sequence[str]:
        return KEPT if self.kept else target.in_memory(self.host, self.target)

    def serve_srp(self) -> str:
        target.disks(self.host, self.target, self.devices())
        return target.srp(self.host, self.target, self.initiator, device=self.vib)

    def log_in(self) -> str:
        """To what the target serves then; its first disk."""
        initiator.srp(self.host, self.initiator, self.serve_srp(), self.vib)
        return initiator.scsi(self.host, self.initiator)[0]

    def all_verified(self, disks: Sequence[str]) -> None:
        self.assertEqual(len(disks), target.DISKS)
        for disk in disks:
            fio.verified(self.host, self.initiator, disk)
        self.assertEqual(self.complaints(), "")

    def tree(self, folder: str) -> None:
        self.host.sh(self.initiator, f"rm -rf {folder} && mkdir {folder} && cd {folder} && "
                     "for n in 1 2 3 4 5 6 7 8; do mkdir d$n && "
                     "head -c ${n}00001 /dev/urandom >d$n/large && echo $n >d$n/small; done")
        self.addCleanup(self.host.attempt, self.initiator, f"rm -rf {folder}")

    def sums(self, guest: str, folder: str) -> str:
        return self.host.sh(guest, f"cd {folder} && find . -type f -exec sha256sum {{}} + | sort", 300)

    def writing(self, disk: str) -> subprocess.Popen:
        """Reads all of it back at the end; what was acknowledged is there."""
        writes = self.host.start(self.initiator, fio.command(
            disk, f"--name=v --rw=randwrite --bs=16k --iodepth=16 --loops={self.loops}"), 900)
        self.host.until(self.initiator, initiator.written(disk, 100))
        return writes

    def all_written(self, writes: subprocess.Popen) -> None:
        said, wrong = writes.communicate()
        self.assertEqual(writes.returncode, 0, said + wrong)
        self.assertEqual([job["error"] for job in fio.jobs(said)], [0])


class UlpChecks(Ulp):
    """Both on one host, on its own fabric."""

    pair = GUESTS
    vib = "vib0"

    # ---- each protocol ---------------------------------------------------------------

    def test_srp(self) -> None:
        self.log_in()
        self.all_verified(initiator.scsi(self.host, self.initiator))

    def test_srp_daemon(self) -> None:
        """It finds the target by device management, and logs in by the CM."""
        self.serve_srp()
        initiator.srp_daemon(self.host, self.initiator, self.vib)
        self.all_verified(initiator.scsi(self.host, self.initiator))

    def test_srp_by_the_rdma_cm(self) -> None:
        self.serve_srp()
        initiator.srp_by_address(self.host, self.initiator, self.target)
        self.all_verified(initiator.scsi(self.host, self.initiator))

    def test_iser(self) -> None:
        target.disks(self.host, self.target, self.devices())
        target.iser(self.host, self.target)
        initiator.iser(self.host, self.initiator, self.target)
        self.all_verified(initiator.scsi(self.host, self.initiator))

    def test_nvme(self) -> None:
        target.nvme(self.host, self.target, self.devices())
        self.all_verified(initiator.nvme(self.host, self.initiator, self.target))

    def test_nfs(self) -> None:
        """A tree copied there and back, with the server rebooted in between."""
        self.keep()
        target.nfs(self.host, self.target, KEPT[0], fresh=True)
        initiator.nfs(self.host, self.initiator, self.target)
        self.tree("/run/tree")
        self.addCleanup(self.host.attempt, self.initiator, "rm -rf /run/back")
        here = self.sums(self.initiator, "/run/tree")
        self.host.sh(self.initiator, f"cp -r /run/tree {initiator.MOUNT}/ && "
                     f"sync -f {initiator.MOUNT}", 300)
        self.assertEqual(self.sums(self.target, f"{target.SHARE}/tree"), here)
        self.target_anew()
        target.nfs(self.host, self.target, KEPT[0])
        self.host.sh(self.initiator, f"cp -r {initiator.MOUNT}/tree /run/back", 300)
        self.assertEqual(self.sums(self.initiator, "/run/back"), here)
        self.assertEqual(self.complaints(), "")

    # ---- trouble -----------------------------------------------------------------------

    def test_target_destroyed_under_io(self) -> None:
        """The initiator waits and goes on; no write that was acknowledged is lost."""
        self.keep()
        disk = self.log_in()
        initiator.patient(self.host, self.initiator)
        writes = self.writing(disk)
        self.target_anew()
        self.serve_srp()
        self.all_written(writes)
        self.assertEqual(self.complaints(), "")

    def test_file_system_over_a_restart_of_the_target(self) -> None:
        disk = self.log_in()
        initiator.patient(self.host, self.initiator)
        self.host.sh(self.initiator, f"mkfs.ext4 -q {disk} && mkdir -p /run/fs && mount {disk} /run/fs")
        self.addCleanup(self.host.attempt, self.initiator, "umount /run/fs")
        copies = self.host.start(self.initiator, "cd /run/fs && for n in $(seq 1 20); do "
                                 "head -c 300000 /dev/urandom >f$n && sync f$n && "
                                 "sha256sum f$n >>/run/sums || exit; done", 600)
        self.addCleanup(self.host.attempt, self.initiator, "rm -f /run/sums")
        self.host.until(self.initiator, "test -s /run/sums")
        target.restart_srp(self.host, self.target)
        said, wrong = copies.communicate()
        self.assertEqual(copies.returncode, 0, said + wrong)
        self.assertEqual(self.host.sh(self.initiator, "cd /run/fs && sha256sum --quiet -c /run/sums && "
                                      "wc -l </run/sums"), "20")
        self.host.sh(self.initiator, f"umount /run/fs && fsck.ext4 -fn {disk}", 300)

    def test_initiator_destroyed_under_io(self) -> None:
        """The target frees all it had for it, and the next has the disks."""
        text = self.serve_srp()
        before = target.resources(self.host, self.target)
        initiator.srp(self.host, self.initiator, text, self.vib)
        disk = initiator.scsi(self.host, self.initiator)[0]
        writes = self.writing(disk)
        self.host.sh("dom0", f"xl destroy {self.initiator}")
        writes.communicate()
        self.host.poll("the target frees what its initiator had",
                       lambda: target.resources(self.host, self.target) == before)
        self.anew(self.initiator)
        initiator.srp(self.host, self.initiator, text, self.vib)
        fio.verified(self.host, self.initiator, initiator.scsi(self.host, self.initiator)[0])
        self.assertEqual(self.complaints(), "")

    def test_a_pool_that_is_too_small(self) -> None:
        """SCSI tries again what could not be mapped, and all of it arrives."""
        self.addCleanup(self.initiator_anew)
        self.initiator_anew(scarce=True)
        disk = self.log_in()
        initiator.undaunted(self.host, self.initiator)
        said = self.host.sh(self.initiator, fio.command(
            disk, "--name=v --rw=randwrite --bs=1m --iodepth=32 --loops=4"), 900)
        self.assertEqual([job["error"] for job in fio.jobs(said)], [0])
        fio.verified(self.host, self.initiator, disk)
        counters = f"/sys/class/infiniband/{self.vib}/ports/1/hw_counters"
        self.assertGreater(int(self.host.sh(self.initiator, f"cat {counters}/dma_failed")), 0)
        self.assertEqual(self.complaints(), "")

    def test_ibback_killed_under_io(self) -> None:
        """Both ends lose their QPs; the initiator connects anew and goes on."""
        disk = self.log_in()
        initiator.patient(self.host, self.initiator)
        writes = self.writing(disk)
        self.kill_ibback()
        self.all_written(writes)
        self.assertEqual(self.complaints(), "")
