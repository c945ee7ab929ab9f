# SPDX-License-Identifier: GPL-2.0-or-later
"""Dom0 with a vib of its own, and disks of targets for guests that know no InfiniBand."""

import json
import re

from . import cm, fio, initiator, ipoib, target, vport0
from .lab_check import LabCheck

TARGET = "g1"
PLAIN = "g3"  # has no vib
USERS = "/run/xen-ib/block/users"
# Eats all memory; nobody else is to be killed for that.
HOG = ("echo 1000 >/proc/self/oom_score_adj; exec python3 -c '"
       "x = []\nwhile True: x.append(bytearray(b\"x\") * (16 << 20))'")


class StorageChecks(LabCheck):
    """g1 serves disks, Dom0 logs in, g3 has them."""

    disk_lines: list[str] = []  # of g3

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(vport0.detach, self.host)
        vport0.attach(self.host)

    def serve(self) -> None:
        self.addCleanup(target.end, self.host, TARGET)
        target.disks(self.host, TARGET, target.in_memory(self.host, TARGET))

    def plain_guest(self, *disks: str) -> None:
        """Without a vib, and with these disks: xvdb, xvdc, …, each SCRIPT, TARGET."""
        self.disk_lines = [f"'vdev=xvd{'bcdefg'[n]}, access=rw, script={disk}'"
                           for n, disk in enumerate(disks)]
        self.addCleanup(self.host.attempt, "dom0", f"xl destroy {PLAIN}")
        self.new_guest(PLAIN)

    def host_config(self, guest: str) -> str:
        config = super().host_config(guest)
        if guest != PLAIN:
            return config
        config = re.sub(r"^vib = .*\n", "", config, flags=re.M)
        return re.sub(r"^(disk = \[.*)\]$", rf"\1, {', '.join(self.disk_lines)} ]", config,
                      flags=re.M)

    def nothing_is_left(self) -> None:
        """Dom0 is logged in to nothing, and keeps nothing of guests' disks."""
        self.host.until("dom0", "test -z \"$(ls /sys/class/srp_remote_ports "
                        "/sys/class/iscsi_session 2>/dev/null | grep -v :$)\"")
        self.assertEqual(self.host.sh("dom0", f"ls {USERS} 2>/dev/null || true"), "")

    # ---- vport 0 -----------------------------------------------------------------

    def test_dom0_has_a_vib(self) -> None:
        info = self.host.sh("dom0", "ibv_devinfo -v -d vib0")
        self.assertRegex(info, r"state:\s+PORT_ACTIVE")
        self.assertRegex(info, r"link_layer:\s+InfiniBand")
        listed = json.loads(self.host.sh("dom0", "vibctl list --json"))
        self.assertIn("Domain-0", [vib["name"] for vib in listed])
        self.host.daemon("kill9", "ibback")
        self.host.port_is("dom0", "DOWN")
        self.host.daemon("start", "ibback")
        self.host.port_is("dom0", "ACTIVE")

    def test_rping_between_dom0_and_a_guest(self) -> None:
        for where in ("dom0", TARGET):
            self.addCleanup(ipoib.down, self.host, where)
            ipoib.up(self.host, where)
            self.host.sh(where, "modprobe rdma_ucm")
        for server, client in (("dom0", TARGET), (TARGET, "dom0")):
            said = self.host.start(server, "exec timeout 90 rping -s -C 20 -v", 120)
            try:
                self.host.until(server, cm.listens(7174))
                self.host.sh(client, "timeout 90 rping -c -C 20 -v -V "
                             f"-a {ipoib.address(server)}", 120)
                self.assertEqual(said.wait(60), 0)
            finally:
                self.host.attempt(server, "pkill rping")
                said.communicate()

    def test_ibback_is_ready_for_want_of_memory(self) -> None:
        status = self.host.sh("dom0", "cat /proc/$(pidof -s ibback)/status")
        self.assertGreater(int(re.search(r"VmLck:\s+(\d+)", status).group(1)), 1024)
        self.assertEqual(self.host.sh("dom0", "cat /proc/$(pidof -s ibback)/oom_score_adj"),
                         "-1000")
        self.host.sh("dom0", "! grep -E 'mlockall|IO_FLUSHER|oom_score' "
                     "/var/log/xen-ib/ibback.log")

    # ---- disks ---------------------------------------------------------------------

    def test_disks_by_srp(self) -> None:
        self.serve()
        self.host.sh("dom0", "modprobe ib_srp")
        text = target.srp(self.host, TARGET, "dom0")
        # The one by what it is called alone, which the fabric is asked for.
        self.plain_guest(f"block-srp, target={text.split(',dgid=')[0]}",
                         f"block-srp, target={text},lun=1")
        self.assertEqual(self.host.sh(PLAIN, "ls /sys/class/infiniband 2>/dev/null || true"), "")
        # Both share a session.
        self.assertEqual(len(self.host.sh("dom0", "ls /sys/class/srp_remote_ports").split()), 1)
        for disk in ("/dev/xvdb", "/dev/xvdc"):
            fio.verified(self.host, PLAIN, disk)
        self.host.sh("dom0", f"xl destroy {PLAIN}")
        self.nothing_is_left()
        self.assertEqual(self.complaints((TARGET,)), "")

    def test_a_disk_by_two_paths(self) -> None:
        """It goes on by the one when the other ends."""
        self.serve()
        self.addCleanup(initiator.multipath_end, self.host, "dom0")
        initiator.multipath(self.host, "dom0", "strict")
        self.host.sh("dom0", "modprobe ib_srp")
        text = target.srp(self.host, TARGET, "dom0", extensions=(1, 2))
        paths = [f"{text},initiator_ext={n:016x}" for n in (1, 2)]
        self.plain_guest(f"block-srp, target={';'.join(paths)}")
        ports = self.host.sh("dom0", "ls /sys/class/srp_remote_ports").split()
        self.assertEqual(len(ports), 2)
        self.assertEqual(len(self.host.sh("dom0", "ls /sys/block/dm-*/slaves").split()), 2)
        writes = self.host.start(PLAIN, fio.command(
            "/dev/xvdb", "--name=v --rw=randwrite --bs=64k --iodepth=16 --loops=16"), 600)
        self.host.until("dom0", "test $(awk '{print $5}' /sys/block/dm-*/stat) -ge 100")
        self.host.sh("dom0", f"echo 1 >/sys/class/srp_remote_ports/{ports[0]}/delete")
        self.assertIsNone(writes.poll())
        said, wrong = writes.communicate()
        self.assertEqual(writes.returncode, 0, said + wrong)
        self.host.sh("dom0", f"xl destroy {PLAIN}")
        self.nothing_is_left()
        self.assertEqual(self.host.sh("dom0", "ls -d /sys/block/dm-* 2>/dev/null || true"), "")

    def test_a_disk_that_dom0_has_mounted(self) -> None:
        """By a session of its own, which stays: it is no guest's, but for reading what Dom0
        does not write."""
        self.serve()
        text = target.srp(self.host, TARGET, "dom0")
        self.addCleanup(self.host.attempt, "dom0", "umount /mnt; for d in "
                        "/sys/class/srp_remote_ports/*/delete; do echo 1 >$d; done")
        initiator.srp(self.host, "dom0", text)
        self.host.until("dom0", "lsblk -dnSo PATH,VENDOR | grep -q LIO-ORG")
        disk = self.host.sh("dom0", "lsblk -dnSo HCTL,PATH,VENDOR | grep LIO-ORG | sort | "
                            "awk '{print $2; exit}'")
        self.host.sh("dom0", f"mkfs.ext4 -q -F {disk} && mount {disk} /mnt")
        with self.assertRaisesRegex(AssertionError, "the disk is mounted in Dom0"):
            self.plain_guest(f"block-srp, target={text}")
        self.host.sh("dom0", "umount /mnt")
        self.plain_guest(f"block-srp, target={text}")
        self.host.sh(PLAIN, "mount /dev/xvdb /mnt && umount /mnt")
        self.host.sh("dom0", f"xl destroy {PLAIN}")
        self.assertEqual(len(self.host.sh("dom0", "ls /sys/class/srp_remote_ports").split()), 1)

    def test_disks_by_iser(self) -> None:
        self.serve()
        for where in ("dom0", TARGET):
            self.addCleanup(ipoib.down, self.host, where)
            ipoib.up(self.host, where)
        text = target.iser(self.host, TARGET)
        self.host.sh("dom0", "modprobe ib_iser; echo InitiatorName=iqn.2026-11.org.xen-ib.lab:dom0 "
                     ">/etc/iscsi/initiatorname.iscsi; pidof iscsid || iscsid")
        self.plain_guest(f"block-iser, target={text}", f"block-iser, target={text}/1")
        self.assertEqual(len(self.host.sh("dom0", "ls /sys/class/iscsi_session").split()), 1)
        for disk in ("/dev/xvdb", "/dev/xvdc"):
            fio.verified(self.host, PLAIN, disk)
        self.host.sh("dom0", f"xl destroy {PLAIN}")
        self.nothing_is_left()

    def test_a_malformed_target_is_no_domain(self) -> None:
        for disk, why in (("block-srp, target=rubbish", "'rubbish' is not KEY=VALUE"),
                          ("block-srp, target=id_ext=1,ioc_guid=2", "is not 16 hexadecimal"),
                          ("block-iser, target=rubbish", "is not NAME@ADDRESS")):
            with self.subTest(disk):
                with self.assertRaisesRegex(AssertionError, re.escape(why)):
                    self.plain_guest(disk)
                self.assertNotEqual(self.host.attempt("dom0", f"xl domid {PLAIN}").returncode, 0)
        self.nothing_is_left()

    def test_a_target_that_is_not_there_is_no_domain(self) -> None:
        self.host.sh("dom0", "modprobe ib_srp")
        guid = "0002c903deadbeef"
        with self.assertRaisesRegex(AssertionError, "cannot log in|no answer"):
            self.plain_guest(f"block-srp, target=id_ext={guid},ioc_guid={guid},"
                             f"dgid=fe80000000000000{guid},service_id={guid}")
        self.nothing_is_left()

    def test_dom0_without_memory(self) -> None:
        """A disk of a guest's goes on while Dom0 has none left, and kills for it."""
        self.serve()
        self.host.sh("dom0", "modprobe ib_srp")
        self.plain_guest(f"block-srp, target={target.srp(self.host, TARGET, 'dom0')}")
        daemon = self.host.sh("dom0", "pidof -s ibback")
        writes = self.host.start(PLAIN, fio.command(
            "/dev/xvdb", "--name=v --rw=randwrite --bs=64k --iodepth=16 --loops=8"), 600)
        for _ in range(3):
            self.assertNotEqual(self.host.attempt("dom0", HOG, 240).returncode, 0)
        self.host.sh("dom0", "dmesg | grep -q 'Out of memory: Killed process .*python3'")
        said, wrong = writes.communicate()
        self.assertEqual(writes.returncode, 0, said + wrong)
        self.assertEqual(self.host.sh("dom0", "pidof -s ibback"), daemon)
        self.assertEqual(self.host.sh("dom0", "dmesg | grep 'blocked for more than' || true"), "")
        self.host.sh("dom0", f"xl destroy {PLAIN}")
        self.nothing_is_left()
