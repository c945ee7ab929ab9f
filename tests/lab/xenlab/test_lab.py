# SPDX-License-Identifier: GPL-2.0-or-later
"""What machines a lab has, how they are joined, and how its state is read."""

import unittest
from pathlib import Path
from unittest import mock

from . import lab, machine, network
from .cli import _parse
from .errors import UsageError
from .guests import Shape
from .image import Image
from .kernels import Kernel
from .lab import Lab, Plan
from .machine import Cable, wiring
from .paths import LONGEST_SOCKET_DIR

IMAGE = Image(Path("/image"), {s: Kernel(s, s, Path(f"/k{s}")) for s in ("6.1", "6.12")})
STATE = {"pid": 1, "born": "7", "ssh_port": 22, "dom0_kernel": "6.1", "memory_mb": 4096, "xen": ""}


def planned(**what) -> Plan:
    return Plan(2, Shape(), **what)


class PlanTest(unittest.TestCase):
    def test_a_host_alone_has_no_wire(self) -> None:
        machines = planned().machines()
        self.assertEqual(list(machines), ["dom0"])
        self.assertNotIn(machine.WIRE_NIC, " ".join(machines["dom0"].arguments(IMAGE, Path("d"))))

    def test_all_machines_are_wired(self) -> None:
        machines = planned(hosts=2, peer="6.12").machines()
        self.assertEqual(list(machines), ["dom0", "dom0b", "peer"])
        for flavour in machines.values():
            words = " ".join(flavour.arguments(IMAGE, Path("d")))
            self.assertIn(f"id={machine.WIRE_NIC},netdev={machine.WIRE_PORT}", words)
            self.assertIn(f"host_mtu={machine.WIRE_MTU}", words)

    def test_snapshots_are_shared_by_equal_machines_only(self) -> None:
        machines = planned(hosts=2, peer="6.1").machines()
        self.assertEqual(machines["dom0"], machines["dom0b"])
        names = {f.name for f in (*machines.values(), *planned().machines().values(),
                                  *planned(peer="6.12").machines().values(),
                                  *planned(peer="6.1", xen="x").machines().values(),
                                  *planned(dom0_kernel="6.12").machines().values())}
        self.assertEqual(len(names), 6, names)

    def test_the_peer_can_reboot(self) -> None:
        machines = planned(peer="6.1").machines()
        self.assertIn("-no-reboot", machines["dom0"].arguments(IMAGE, Path("d")))
        self.assertNotIn("-no-reboot", machines["peer"].arguments(IMAGE, Path("d")))

    def test_guests_of_the_second_host_have_names_of_their_own(self) -> None:
        self.assertEqual(planned().guest_names(), ["g1", "g2"])
        self.assertEqual(planned(hosts=2).guest_names(), ["g1", "g2", "g201", "g202"])

    def test_what_cannot_be(self) -> None:
        for plan in (planned(hosts=0), planned(hosts=3), planned(dom0_kernel="5.10"),
                     planned(peer="5.10"), Plan(65, Shape()), Plan(24, Shape(), hosts=2),
                     Plan(-1, Shape())):
            with self.subTest(plan=plan), self.assertRaises(UsageError):
                plan.check()
        Plan(64, Shape()).check()
        Plan(23, Shape(), hosts=2, peer="6.12").check()


class CablesTest(unittest.TestCase):
    def test_each_machine_has_one_to_the_first(self) -> None:
        machines = planned(hosts=2, peer="6.1").machines()
        first, second, peer = (lab._cables("x", name, machines) for name in machines)
        self.assertEqual([c.listens for c in (*first, *second, *peer)], [True, True, False, False])
        self.assertEqual([c.socket for c in first], [second[0].socket, peer[0].socket])
        self.assertEqual(lab._cables("x", "dom0", ["dom0"]), [])

    def test_the_nic_is_plugged_into_its_only_cable(self) -> None:
        self.assertEqual(wiring([Cable(Path("/s"), True)]),
                         ["-netdev", f"stream,id={machine.WIRE_PORT},server=on,"
                          "addr.type=unix,addr.path=/s"])

    def test_several_cables_take_a_hub(self) -> None:
        words = " ".join(wiring([Cable(Path("/s"), True), Cable(Path("/t"), True)]))
        self.assertIn(f"hubport,id={machine.WIRE_PORT},hubid=0 ", words)
        for n, socket in enumerate(("/s", "/t")):
            self.assertIn(f"stream,id=cable{n},server=on,addr.type=unix,addr.path={socket}", words)
            self.assertIn(f"hubport,id=plug{n},hubid=0,netdev=cable{n}", words)

    def test_a_nic_without_a_cable_is_plugged_in_all_the_same(self) -> None:
        """As when its snapshot is made."""
        self.assertEqual(wiring([]), ["-netdev", f"hubport,id={machine.WIRE_PORT},hubid=0"])

    def test_sockets_names_are_short_enough(self) -> None:
        """As sockaddr_un has it, with what ssh appends while it makes a control socket."""
        base = "x" * LONGEST_SOCKET_DIR
        for name in (*network.WIRE, *(f"g{n}" for n in network.GUESTS)):
            self.assertLess(len(f"{base}/dom0b/ssh-{name}") + 17, 108)
        self.assertLess(len(f"{base}/cable-dom0b"), 108)


@mock.patch.object(lab, "ssh_key", lambda: Path("/key"))  # the cache's is made when asked for
class StateTest(unittest.TestCase):
    def test_a_host_alone(self) -> None:
        one = Lab("x", STATE)
        self.assertEqual([m.name for m in one.hosts()], ["dom0"])
        self.assertEqual(one.wired(), [])
        self.assertEqual(one.machines["dom0"].dir, one.dir)
        for name in ("dom0b", "peer", "g201", "elsewhere"):
            with self.subTest(name=name), self.assertRaises(UsageError):
                one.place(name)

    def test_all_machines(self) -> None:
        wired = {**STATE, "wired": True}
        three = Lab("x", {**wired, "others": {
            "dom0b": {**wired, "ssh_port": 23}, "peer": {**wired, "kernel": "6.1", "ssh_port": 24}}})
        self.assertEqual([m.name for m in three.hosts()], ["dom0", "dom0b"])
        self.assertEqual([m.name for m in three.wired()], ["dom0", "dom0b", "peer"])
        self.assertEqual(three.host_of("g2").name, "dom0")
        self.assertEqual(three.host_of("g202").name, "dom0b")
        guest = three.place("g202")
        self.assertEqual(guest.address, "10.77.0.202")
        assert guest.through
        self.assertEqual(guest.through.name, "dom0b")
        self.assertEqual(len({m.dir for m in three.machines.values()}), 3)
        self.assertEqual(len({m.qemu.monitor for m in three.machines.values()}), 3)


class CommandLineTest(unittest.TestCase):
    def test_the_peers_kernel(self) -> None:
        for words, kernel in (([], None), (["--peer"], "6.1"), (["--peer", "6.12"], "6.12"),
                              (["--peer", "--guests", "0"], "6.1")):
            self.assertEqual(_parse(["up", *words])[0].peer, kernel)

    def test_the_links_words(self) -> None:
        options, _ = _parse(["link", "--at", "peer", "loss", "2", "delay", "10"])
        self.assertEqual((options.at, options.words), ("peer", ["loss", "2", "delay", "10"]))
        self.assertEqual(_parse(["link"])[0].words, [])
