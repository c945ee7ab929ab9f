# SPDX-License-Identifier: GPL-2.0-or-later
"""A vib's life: from the line in a config to the port, and every way to end it."""

import json
import re

from .lab_check import LabCheck
from .oracle import Oracle


class VibChecks(LabCheck):
    """Control path only: no program transfers anything."""

    # ---- what is there ------------------------------------------------------

    def test_ibv_devinfo_shows_an_active_infiniband_port(self) -> None:
        guids = set()
        for guest in ("g1", "g2"):
            info = self.host.sh(guest, "ibv_devinfo -v -d vib0")
            self.assertRegex(info, r"hca_id:\s+vib0")
            self.assertRegex(info, r"state:\s+PORT_ACTIVE")
            self.assertRegex(info, r"link_layer:\s+InfiniBand")
            self.assertRegex(info, r"GID\[\s*0\]:\s+fe80:")
            self.assertRegex(info, r"transport:\s+InfiniBand")
            guids.add(re.search(r"GID\[\s*0\]:\s+(\S+)", info).group(1))
            pkey = self.host.sh(guest, "cat /sys/class/infiniband/vib0/ports/1/pkeys/0")
            self.assertEqual(pkey, "0xffff")
            self.assertNotIn("Warning", self.host.attempt(guest, "ibv_devinfo").stderr)
        self.assertEqual(len(guids), 2, "two guests, two GIDs")

    def test_the_config_of_a_vib_is_what_the_guest_gets(self) -> None:
        self.host.sh("dom0", "vibctl attach g1 pkey=0x8001/0x7ffe port_guid=0x0002c90300aabb01 "
                     "gid=fe80::7/fd00::9 max_qp=33")
        self.host.port_is("g1", "ACTIVE", "vib1")
        info = self.host.sh("g1", "ibv_devinfo -v -d vib1")
        self.assertRegex(info, r"GID\[\s*0\]:\s+fe80::2:c903:aa:bb01|"
                         r"GID\[\s*0\]:\s+fe80:0000:0000:0000:0002:c903:00aa:bb01")
        self.assertRegex(info, r"max_qp:\s+33\b")
        port = "/sys/class/infiniband/vib1/ports/1"
        self.assertEqual(self.host.sh("g1", f"cat {port}/pkeys/0 {port}/pkeys/1").split(),
                         ["0x8001", "0x7ffe"])
        self.assertEqual(self.host.sh("g1", f"cat {port}/gids/2"),
                         "fd00:0000:0000:0000:0000:0000:0000:0009")
        self.host.sh("dom0", "vibctl detach g1 1")
        self.host.until("g1", "! test -e /sys/class/infiniband/vib1")

    def test_list_names_every_vib_and_its_source(self) -> None:
        listed = json.loads(self.host.sh("dom0", "vibctl list --json"))
        text = self.host.sh("dom0", "vibctl list")
        self.assertIn("g1", text)
        self.assertEqual(sorted(v["name"] for v in listed), ["g1", "g2"])

    # ---- changes at run time --------------------------------------------------

    def test_link_gid_and_pkey_changes_reach_the_guest(self) -> None:
        node = f"/local/domain/0/backend/vib/{self.host.domid('g1')}/0"
        self.host.sh("dom0", f"xenstore-write {node}/link down")
        self.host.port_is("g1", "DOWN")
        self.host.sh("dom0", f"xenstore-write {node}/link auto")
        self.host.port_is("g1", "ACTIVE")
        self.host.sh("dom0", f"xenstore-write {node}/pkey 0x8005")
        port = "/sys/class/infiniband/vib0/ports/1"
        self.host.until("g1", f"grep -q 0x8005 {port}/pkeys/0")
        self.host.sh("dom0", f"xenstore-write {node}/gid fe80::77")
        self.host.until("g1", f"grep -q 0077$ {port}/gids/1")
        # what is wrong is refused and changes nothing
        self.host.sh("dom0", f"xenstore-write {node}/pkey rubbish")
        self.host.until("dom0", "grep -q rubbish /var/log/xen-ib/ibback.log")
        self.assertEqual(self.host.sh("g1", f"cat {port}/pkeys/0"), "0x8005")
        self.host.sh("dom0", f"xenstore-write {node}/pkey 0xffff && xenstore-rm {node}/gid")
        self.host.until("g1", f"grep -q 0xffff {port}/pkeys/0")

    def test_set_reaches_the_guest_and_its_programs(self) -> None:
        port = "/sys/class/infiniband/vib0/ports/1"
        self.addCleanup(self.host.attempt, "dom0",
                        "vibctl set g1/0 link= pkey= gid= rate= max_qp=")
        self.addCleanup(self.host.attempt, "g1", "pkill ibv_asyncwatch")
        self.host.sh("g1", "sh -c 'stdbuf -oL ibv_asyncwatch -d vib0 >/tmp/events 2>&1 &'")
        self.host.until("g1", "grep -q vib0 /tmp/events")
        self.host.sh("dom0", "vibctl set g1/0 pkey=0xffff/0x8005 gid=fe80::77 rate=5G max_qp=100")
        self.host.until("g1", f"grep -q 0x8005 {port}/pkeys/1 && grep -q 0077$ {port}/gids/1")
        # ib_core keeps GID_CHANGE of an InfiniBand port to itself.
        self.host.until("g1", "grep -q PKEY_CHANGE /tmp/events")
        self.host.sh("dom0", "vibctl set g1/0 link=down")
        self.host.port_is("g1", "DOWN")
        self.host.until("g1", "grep -q PORT_ERR /tmp/events")
        # all or nothing
        done = self.host.attempt("dom0", "vibctl set g1/0 link=up fabric=other")
        self.assertEqual(done.returncode, 1)
        self.assertIn("fabric cannot change while", done.stderr)
        self.assertIn("down", self.host.sh("dom0", "vibctl show g1 0 | grep link"))
        self.host.sh("dom0", "vibctl set g1/0 link= pkey= gid= rate= max_qp=")
        self.host.port_is("g1", "ACTIVE")
        self.host.until("g1", "grep -q PORT_ACTIVE /tmp/events")
        self.host.until("g1", f"grep -q 0x0000 {port}/pkeys/1")

    def test_set_lasts_over_a_reboot(self) -> None:
        old = self.host.domid("g1")
        self.host.sh("dom0", "vibctl set g1 pkey=0xffff/0x8006")
        self.host.sh("dom0", "xl reboot g1")
        self.host.poll("g1 has a new domain id", lambda: self.new_domain("g1", old))
        self.host.lab("guest", "wait", "g1")
        self.host.port_is("g1", "ACTIVE")
        pkey = "/sys/class/infiniband/vib0/ports/1/pkeys/1"
        self.assertEqual(self.host.sh("g1", f"cat {pkey}"), "0x8006")
        self.host.sh("dom0", "vibctl set g1 pkey=")
        self.host.until("g1", f"grep -q 0x0000 {pkey}")

    def test_stats_show_what_a_vib_has(self) -> None:
        for guest in ("g1", "g2"):
            (vib,) = json.loads(self.host.sh("dom0", f"vibctl stats {guest}/0 --json"))
            self.assertTrue(vib["connected"])
            self.assertEqual(vib["name"], guest)
            self.assertEqual(vib["objects"]["qp"]["limit"], 4096)
            self.assertIn("pkey_violations", vib["counters"])
        self.assertIn("XMIT BYTES", self.host.sh("dom0", "vibctl stats"))
        self.assertEqual(self.host.sh("dom0", "stat -c %a /run/xen-ib/ibback.sock"), "600")
        self.host.daemon("stop", "ibback")
        done = self.host.attempt("dom0", "vibctl stats")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is it running", done.stderr)
        self.host.daemon("start", "ibback")
        for guest in ("g1", "g2"):
            self.host.port_is(guest, "ACTIVE")

    # ---- restarts of either side ----------------------------------------------

    def test_module_reload(self) -> None:
        for _ in range(self.rounds):
            self.host.sh("g1", "rmmod ibfront && ! test -e /sys/class/infiniband/vib0 && "
                         "modprobe ibfront")
            self.host.port_is("g1", "ACTIVE")

    def test_ibback_killed_and_restarted(self) -> None:
        for _ in range(self.rounds):
            self.host.daemon("kill9", "ibback")
            for guest in ("g1", "g2"):
                self.host.port_is(guest, "DOWN")
                self.assertIn("PORT_DOWN", self.host.sh(guest, "ibv_devinfo"))
            self.host.daemon("start", "ibback")
            for guest in ("g1", "g2"):
                self.host.port_is(guest, "ACTIVE")

    def test_ibback_terminated_and_restarted(self) -> None:
        self.host.daemon("stop", "ibback")
        self.host.port_is("g1", "DOWN")
        self.host.daemon("start", "ibback")
        self.host.port_is("g1", "ACTIVE")

    def test_vibd_restart_disturbs_nothing(self) -> None:
        sessions = "xenstore-ls -f /local/domain/0/backend/vib | sort"
        before = self.host.sh("dom0", sessions)
        for _ in range(self.rounds):
            self.host.daemon("restart", "vibd")
            self.host.until("dom0", "lab-daemon status vibd")
        self.host.sh("dom0", "vibctl list")
        self.assertEqual(self.host.sh("dom0", sessions), before)

    # ---- hot plug -----------------------------------------------------------

    def test_attach_and_detach(self) -> None:
        for _ in range(self.rounds):
            self.host.sh("dom0", "vibctl attach g2 rate=1500M")
            self.host.port_is("g2", "ACTIVE", "vib1")
            self.assertRegex(self.host.sh("dom0", "vibctl show g2 1"), r"rate\W+1500M")
            self.host.sh("dom0", "vibctl detach g2 1")
            self.host.until("g2", "! test -e /sys/class/infiniband/vib1")

    def test_detach_with_a_program_holding_the_device_open(self) -> None:
        self.host.sh("dom0", "vibctl attach g2")
        self.host.port_is("g2", "ACTIVE", "vib1")
        self.host.sh("g2", "sh -c 'ibv_asyncwatch -d vib1 >/tmp/watch 2>&1 &'")
        self.host.until("g2", "grep -q vib1 /tmp/watch")
        self.host.sh("dom0", "vibctl detach g2 1")
        self.host.until("g2", "! test -e /sys/class/infiniband/vib1")
        self.host.sh("g2", "pkill ibv_asyncwatch || true")

    # ---- bad input ------------------------------------------------------------

    def test_garbage_in_xenstore_nodes_is_refused_by_ibback(self) -> None:
        node = f"/local/domain/0/backend/vib/{self.host.domid('g2')}/0"
        # The unit tests have every key; here, that it holds on a real xenstore.
        for key, value in (("fabric", "nowhere"), ("port-guid", "0x0")):
            good = self.host.attempt("dom0", f"xenstore-read {node}/{key}")
            self.host.daemon("stop", "ibback")
            self.host.sh("dom0", f"xenstore-write {node}/{key} {value}")
            self.host.daemon("start", "ibback")
            self.host.until("dom0", f"xenstore-read {node}/error 2>/dev/null | grep -q {key}")
            self.assertIn(key, self.host.sh("dom0", "vibctl list"))
            self.host.port_is("g1", "ACTIVE")  # nobody else notices
            self.host.daemon("stop", "ibback")
            if good.returncode == 0:
                self.host.sh("dom0", f"xenstore-write {node}/{key} {good.stdout.strip()}")
            else:
                self.host.sh("dom0", f"xenstore-rm {node}/{key}")
            self.host.daemon("start", "ibback")
            self.host.port_is("g2", "ACTIVE")

    # ---- domains that come and go ---------------------------------------------

    def test_reboot_keeps_the_vib(self) -> None:
        guid = "cat /sys/class/infiniband/vib0/ports/1/gids/0"
        before, old = self.host.sh("g1", guid), self.host.domid("g1")
        for _ in range(self.rounds):
            self.host.sh("dom0", "xl reboot g1")
            self.host.poll("g1 has a new domain id", lambda: self.new_domain("g1", old))
            self.host.lab("guest", "wait", "g1")
            self.host.port_is("g1", "ACTIVE")
            self.assertEqual(self.host.sh("g1", guid), before)
            self.assertEqual(Oracle(self.host).leftovers(old), [])
            old = self.host.domid("g1")
        # xenbus gives each device that does not close five seconds
        self.host.sh("dom0", "! grep 'timeout closing device' /var/log/xen/console/guest-g1.log")

    def new_domain(self, guest: str, old: int) -> bool:
        done = self.host.attempt("dom0", f"xl domid {guest}")
        return done.returncode == 0 and int(done.stdout) != old

    def test_destroyed_domains_leave_nothing(self) -> None:
        oracle = Oracle(self.host)
        for _ in range(self.rounds):
            old = self.host.domid("g2")
            self.host.sh("dom0", "xl destroy g2")
            self.assertEqual(oracle.leftovers(old), [])
            self.new_guest("g2")
            self.host.port_is("g2", "ACTIVE")
            self.assertEqual(oracle.growth(), [])

    def test_destroyed_at_every_step_of_the_handshake(self) -> None:
        """Ends the domain when the vib's frontend reaches each of its states."""
        oracle = Oracle(self.host)
        for state in (0, 1, 3, 4):
            self.host.sh("dom0", "xl destroy g2 2>/dev/null || true")
            self.host.lab("guest", "create", "-", stdin=self.host_config("g2"))
            domid = self.host.domid("g2")
            path = f"/local/domain/{domid}/device/vib/0/state"
            self.host.until("dom0", f'test "$(xenstore-read {path} 2>/dev/null || echo 0)" '
                            f"-ge {state}")
            self.host.sh("dom0", "xl destroy g2")
            self.assertEqual(oracle.leftovers(domid), [], f"destroyed in state {state}")
        self.new_guest("g2")

    def test_a_guest_boots_without_its_backend(self) -> None:
        self.host.daemon("stop", "ibback")
        self.host.daemon("stop", "vibd")
        self.host.sh("dom0", "xl destroy g2")
        self.new_guest("g2")
        self.assertEqual(self.host.sh("g2", "ls /sys/class/infiniband 2>/dev/null || true"), "")
        self.host.daemon("start", "ibback")
        self.host.daemon("start", "vibd")
        self.host.port_is("g2", "ACTIVE")

    def test_save_is_refused_and_the_guest_runs_on(self) -> None:
        done = self.host.attempt("dom0", "xl save g1 /tmp/g1.save", timeout=240)
        self.assertNotEqual(done.returncode, 0, "xl save must fail")
        self.host.sh("dom0", "rm -f /tmp/g1.save")
        self.host.port_is("g1", "ACTIVE")
        self.assertIn("vib", self.host.sh("g1", "dmesg | grep -i suspend"))
        # and drivers can still be bound
        self.host.sh("g1", "rmmod ibfront && modprobe ibfront")
        self.host.port_is("g1", "ACTIVE")

    def test_no_kernel_complains(self) -> None:
        self.assertEqual(self.complaints(), "")
