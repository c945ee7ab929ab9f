# SPDX-License-Identifier: GPL-2.0-or-later
"""What commands do to the wire, and who has which address there."""

import ipaddress
import re
import unittest
from types import SimpleNamespace

from . import network, wire
from .errors import UsageError
from .paths import IMAGE_SOURCE
from .wire import Trouble, trouble

SCRIPT = (IMAGE_SOURCE / "root/usr/lib/xenlab/wire").read_text()


class TroubleTest(unittest.TestCase):
    def test_words_in_any_order(self) -> None:
        self.assertEqual(trouble(["down"]), Trouble(up=False))
        self.assertEqual(trouble(["loss", "0.5", "up", "delay", "20"]),
                         Trouble(up=True, loss=0.5, delay=20))
        self.assertEqual(trouble([]), Trouble())

    def test_words_that_say_nothing(self) -> None:
        for words in (["sideways"], ["loss"], ["loss", "many"], ["loss", "101"], ["loss", "-1"],
                      ["loss", "nan"], ["delay", "inf"], ["up", "down"], ["loss", "1", "loss", "2"]):
            with self.subTest(words=words), self.assertRaises(UsageError):
                trouble(words)

    def test_netem_changes_only_if_it_is_named(self) -> None:
        self.assertIsNone(trouble(["down"]).netem())
        self.assertEqual(trouble(["loss", "2"]).netem(),
                         f"tc qdisc replace dev eth1 root netem limit {wire.NETEM_LIMIT} loss 2%")
        self.assertTrue(str(trouble(["loss", "2", "delay", "10"]).netem())
                        .endswith("loss 2% delay 10ms"))

    def test_zero_takes_netem_away(self) -> None:
        for words in (["loss", "0"], ["delay", "0"], ["loss", "0", "delay", "0"]):
            self.assertIn("qdisc del", str(trouble(words).netem()))
        self.assertIn("replace", str(trouble(["loss", "0", "delay", "5"]).netem()))


class StateTest(unittest.TestCase):
    def said(self, text: str) -> str:
        place = SimpleNamespace(run=lambda command: text)
        return wire.state(SimpleNamespace(name="peer", place=place))  # type: ignore[arg-type]

    def test_an_end_as_it_is(self) -> None:
        self.assertEqual(self.said("1\nqdisc fq_codel 0: root refcnt 2 limit 10240p flows 1024 \n"),
                         "peer: up, nothing lost or late")
        self.assertEqual(self.said("0\nqdisc netem 8001: root refcnt 2 limit 20000 delay 5ms loss 1%\n"),
                         "peer: down, delay 5ms loss 1%")


class AddressesTest(unittest.TestCase):
    def test_guests_names(self) -> None:
        self.assertEqual([network.dom0_of(g) for g in ("g1", "g64", "g201", "g223")],
                         ["dom0", "dom0", "dom0b", "dom0b"])
        for name in ("g0", "g65", "g200", "g224", "g01", "dom0", "peer", "g", "1"):
            with self.subTest(name=name), self.assertRaises(UsageError):
                network.guest_number(name)

    def test_routes_lead_to_the_guests_host(self) -> None:
        routes = {via: ipaddress.ip_network(net) for net, via in
                  re.findall(r"ip route add (\S+) via (\S+)", SCRIPT)}
        self.assertEqual(set(routes), {network.on_wire("dom0"), network.on_wire("dom0b")})
        for number in network.GUESTS:
            address = ipaddress.ip_address(network.of_guest(number))
            self.assertEqual([via for via, net in routes.items() if address in net],
                             [network.on_wire(network.dom0_of(f"g{number}"))])
        self.assertFalse(any(ipaddress.ip_address(network.DOM0) in net for net in routes.values()))

    def test_the_script_gives_the_addresses_that_are_looked_for(self) -> None:
        for machine, number in network.WIRE.items():
            said = SCRIPT.replace("$n", str(number))
            self.assertIn(f'"{network.on_wire(machine)}/24"', said)
            gid = re.search(r'"(fe80::\S+)/64" dev eth1 nodad', said)
            assert gid
            self.assertEqual(ipaddress.ip_address(gid[1]).exploded, network.gid(machine))
