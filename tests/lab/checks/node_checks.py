# SPDX-License-Identifier: GPL-2.0-or-later
"""Garbage in every node of a vib, and in a domain's file."""

import re
import shlex

from .garbage import BACKEND, FRONTEND, HUGE, garbage, said_of
from .oracle import Oracle
from .refusal_check import RefusalCheck


# The guest's udev would load ibfront for every vib that is attached.
NO_IBFRONT = "/etc/modprobe.d/no-ibfront.conf"


class NodeChecks(RefusalCheck):
    """The vib is refused or stays what it was; nobody else notices."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.put_in_order)

    def put_in_order(self) -> None:
        """Also after a check that failed in the middle: g2 has its first vib and no other."""
        self.host.sh("dom0", "lab-daemon status ibback || lab-daemon start ibback")
        self.detach_all("g2")
        self.host.sh("g2", f"rm -f {NO_IBFRONT}; modprobe ibfront")
        self.host.port_is("g2", "ACTIVE")

    def test_a_file_of_a_domain_that_makes_no_sense(self) -> None:
        """/etc/xen-ib/domains/NAME.conf; the domain need not run for it."""
        conf = "/etc/xen-ib/domains/garbage.conf"
        config = re.sub(r"(?m)^(vif|disk) =.*$", "", self.host_config("g2"))
        config = config.replace('name = "g2"', 'name = "garbage"')
        self.assertIn('"garbage"', config)
        self.host.sh("dom0", f"mkdir -p {conf.rsplit('/', 1)[0]}; cat >/tmp/garbage.cfg <<'end'\n"
                     f"{config}\nend")
        for text, said in (("vib = 17", ["vib is no list", "want vib=["]),
                           ("vib = [ 'pkey=0x1'", ["garbage.conf:"]),
                           ("vib = [ 17 ]", ["\"17\" has no '='", "want"]),
                           ("\\000\\001\\377", ["garbage.conf"]),
                           ("vib = [" + "''," * 33 + "]", ["want 32 at most"])):
            self.host.sh("dom0", f"printf {shlex.quote(text)} >{conf}; "
                         "xl create -p /tmp/garbage.cfg >/dev/null")
            try:
                self.host.until("dom0", "vibctl list | grep -q garbage")
                rows = self.listed("garbage")
                self.assertEqual(rows[0]["backend_state"], "refused")
                self.says(rows[0]["error"], said, text)
            finally:
                self.host.sh("dom0", f"rm -f {conf}; xl destroy garbage")

    # ---- xenstore: what the toolstack writes --------------------------------------

    def detach_all(self, guest: str) -> None:
        """All vibs of a guest but its first."""
        domid = self.host.domid(guest)
        self.script("dom0", [
            f"for i in $(xenstore-list /local/domain/0/backend/vib/{domid}); do "
            f"test $i = 0 || vibctl detach {guest} $i --force || exit 1; done"])
        self.assertEqual(list(self.listed(guest)), [0])

    def test_every_node_of_a_backend_before_it_connects(self) -> None:
        """A vib for each node, which the toolstack spoils while ibback is away."""
        nodes = [node for node in BACKEND if node["type"] not in ("text", "bool")
                 and node["key"] != "state"]
        domid, oracle = self.host.domid("g2"), Oracle(self.host)
        self.host.daemon("stop", "ibback")
        lines = ["set -e"]
        wrong: dict[int, tuple[dict, str]] = {}
        for index, node in enumerate(nodes, 1):
            value = garbage(node, node["type"])[index % 3]
            wrong[index] = (node, value)
            path = f"/local/domain/0/backend/vib/{domid}/{index}/{node['key']}"
            lines += ["vibctl attach g2 --no-wait >/dev/null",
                      f"xenstore-write -- {path} {shlex.quote(value)}"]
        missing = {len(nodes) + n: node for n, node in
                   enumerate((node for node in nodes if node.get("required")), 1)}
        for index, node in missing.items():
            lines += ["vibctl attach g2 --no-wait >/dev/null",
                      f"xenstore-rm /local/domain/0/backend/vib/{domid}/{index}/{node['key']}"]
        self.script("dom0", lines)
        self.host.daemon("start", "ibback")
        for guest in ("g1", "g2"):
            self.host.port_is(guest, "ACTIVE")
        errors = [f"xenstore-exists /local/domain/0/backend/vib/{domid}/{index}/error"
                  for index in (*wrong, *missing)]
        self.host.until("dom0", " && ".join(errors))
        rows = self.listed("g2")
        for index, (node, value) in wrong.items():
            self.says(rows[index]["error"], said_of(node["key"], value)[:1], f"{node['key']}: {value!r}")
            self.says(rows[index]["error"], ["want "], f"{node['key']}: {value!r}")
        for index, node in missing.items():
            self.says(rows[index]["error"], [node["key"], "want "], f"{node['key']} is missing")
        self.assertEqual(self.host.sh("g2", "ls /sys/class/infiniband"), "vib0")
        self.detach_all("g2")
        self.assertEqual(oracle.growth(), [])

    def test_every_node_of_a_backend_while_it_is_connected(self) -> None:
        """Ignored, said in the log and by `vibctl list`, and well again when it is right."""
        base = f"/local/domain/0/backend/vib/{self.host.domid('g2')}/0"
        sessions = f"xenstore-read {base}/session {base}/state"
        before = self.host.sh("dom0", sessions)
        lines = ["says() { for n in $(seq 100); do vibctl list >/tmp/listed; grep -qF \"$1\" "
                 "/tmp/listed && return; sleep 0.1; done; echo \"not said: $1\"; cat /tmp/listed; }",
                 "logs() { for n in $(seq 100); do tail -n 40 /var/log/xen-ib/ibback.log | "
                 "grep -qF \"$1\" && return; sleep 0.1; done; echo \"not logged: $1\"; }"]
        for node in BACKEND:
            # The first three are the device's life and not what it is.
            if node["key"] in ("state", "online", "frontend", "frontend-id", "domain"):
                continue
            value = garbage(node, node["type"])[0]
            path, said = f"{base}/{node['key']}", said_of(node["key"], value)[0]
            lines += [f"old=$(xenstore-read {path} 2>/dev/null)",
                      f"xenstore-write -- {path} {shlex.quote(value)}",
                      f"says {shlex.quote(said)}", f"logs {shlex.quote(said)}",
                      f"if [ -n \"$old\" ]; then xenstore-write -- {path} \"$old\"; "
                      f"else xenstore-rm {path}; fi"]
        self.assertEqual(self.script("dom0", lines), "")
        self.assertEqual(self.listed("g2")[0].get("error"), None)
        self.assertEqual(self.host.sh("dom0", sessions), before, "nobody connected anew")
        for guest in ("g1", "g2"):
            self.host.port_is(guest, "ACTIVE")

    # ---- xenstore: what the guest writes ------------------------------------------

    def test_every_node_of_a_frontend(self) -> None:
        """The guest itself plays the frontend, badly: a vib for each node."""
        nodes = [node for node in FRONTEND if node["type"] != "session"]
        domid, oracle = self.host.domid("g2"), Oracle(self.host)
        self.host.sh("g2", f"echo blacklist ibfront >{NO_IBFRONT}; rmmod ibfront")
        self.script("dom0", ["vibctl attach g2 --no-wait >/dev/null || exit 1"] * len(nodes))
        log = int(self.host.sh("dom0", "wc -l </var/log/xen-ib/ibback.log"))
        # Three times what is wrong each time in another way: then ibback gives it up.
        lines = ["""
answer() { # VIB KEY VALUE: as it should be, but for KEY, which is VALUE or not there
    fe=device/vib/$1; be=/local/domain/0/backend/vib/%d/$1
    for n in $(seq 100); do
        session=$(xenstore-read $be/session 2>/dev/null)
        [ -n "$session" ] && [ "$session" != "$last" ] && break
        [ "$(xenstore-read $be/state)" = 6 ] && return
        sleep 0.1
    done
    last=$session
    xenstore-write $fe/version 1 $fe/session $session $fe/control-ref 1 $fe/ring-ref 2 \\
        $fe/async-ref 3 $fe/event-channel 1
    if [ "$#" = 3 ]; then xenstore-write -- "$fe/$2" "$3"; else xenstore-rm "$fe/$2"; fi
    xenstore-write $fe/state 3
    for n in $(seq 100); do
        [ "$(xenstore-read $be/session)" != "$session" ] && return
        [ "$(xenstore-read $be/state)" != 2 ] && return
        sleep 0.1
    done
    echo "vib $1: nothing came of $2=$3"
}""" % domid]
        for index, node in enumerate(nodes, 1):
            bad = garbage(node, node["type"])
            key = node["key"]
            lines += ["last=", f"answer {index} {key} {shlex.quote(bad[index % 4])}",
                      f"answer {index} {key}",
                      f"answer {index} {key} {shlex.quote(str(node['max'] + 1))}",
                      f"answer {index} {key} {HUGE}"]
        self.assertEqual(self.script("g2", lines), "")
        rows = self.listed("g2")
        logged = self.host.sh("dom0", f"tail -n +{log + 1} /var/log/xen-ib/ibback.log")
        for index, node in enumerate(nodes, 1):
            self.says(rows[index].get("error", ""), [node["key"], "want "], f"{node['key']}: {rows[index]}")
            about = re.findall(rf"(?m)dom {domid} vib {index}: (?:cannot connect|refused): (.*)$", logged)
            self.assertGreaterEqual(len(about), 3, logged)
            self.assertTrue(all(line.startswith(node["key"]) for line in about), about)
        self.host.port_is("g1", "ACTIVE")
        self.put_in_order()
        self.assertEqual(oracle.growth(), [])

    def test_a_frontend_that_spoils_its_own_directory(self) -> None:
        """States that are none, a session of nobody, directories of others, and many nodes."""
        domid, oracle = self.host.domid("g2"), Oracle(self.host)
        fe, be = "device/vib/0", f"/local/domain/0/backend/vib/{domid}/0"
        before = self.host.sh("dom0", "pgrep -x ibback")
        for path, values in ((f"{fe}/state", ["rubbish", "", "9", "-1", HUGE, "4294967299"]),
                             (f"{fe}/session", ["0" * 16, "rubbish", ""]),
                             (f"{fe}/backend", ["/local/domain/0/backend/vib/0/0", "rubbish", ""]),
                             (f"{fe}/backend-id", ["32751", "rubbish"])):
            self.script("g2", [f"old=$(xenstore-read {path})",
                               *(f"xenstore-write -- {path} {shlex.quote(value)}" for value in values),
                               f"xenstore-write {path} \"$old\""])
        self.script("g2", [f"for n in $(seq 150); do xenstore-write {fe}/x/$n/y $n || exit 0; done"])
        self.host.port_is("g1", "ACTIVE")
        self.assertEqual(self.host.sh("dom0", "pgrep -x ibback"), before)
        # A frontend that begins anew is served, whatever it was before.
        self.host.sh("g2", f"xenstore-rm {fe}/x; rmmod ibfront && modprobe ibfront")
        self.host.port_is("g2", "ACTIVE")
        self.assertEqual(self.host.sh("dom0", f"xenstore-read {be}/state"), "4")
        self.assertEqual(oracle.growth(), [])
