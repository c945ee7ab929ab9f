# SPDX-License-Identifier: GPL-2.0-or-later
"""Garbage in every key of a vib's config, and on every command line."""

import re

from .garbage import BAD_TEXTS, CONFIG, VIBS, Bad, bad_values
from .refusal_check import RefusalCheck


class GarbageChecks(RefusalCheck):
    """The domain starts, the vib does not, `vibctl list` says why; nobody else notices."""

    # ---- config ---------------------------------------------------------------

    def test_a_config_full_of_garbage(self) -> None:
        """Two good vibs among as many bad ones as fit, of every key in turn.

        tests/unit/check_vib_garbage.py has all of it, by the same parser.
        """
        by_key = {node["config"]: [bad for bad in bad_values()
                                   if bad.text.startswith(node["config"] + "=")]
                  for node in CONFIG}
        turns = [bad for turn in range(8) for values in by_key.values()
                 for bad in values[turn::8][:1]]
        good, nested = (4, VIBS - 1), 9
        bads = [bad for bad in BAD_TEXTS + turns if "'" not in bad.text]
        texts: dict[int, Bad] = {}
        entries = []
        for index in range(VIBS):
            if index in good:
                entries.append("''")
            elif index == nested:
                entries.append("['pkey=0x1']")
            else:
                texts[index] = bads.pop(0)
                entries.append(f"'{texts[index].text}'")
        self.host.sh("dom0", "xl destroy g2")
        config = self.host_config("g2").replace("vib = [ '' ]", f"vib = [ {', '.join(entries)} ]")
        self.host.lab("guest", "create", "-", stdin=config)
        self.host.lab("guest", "wait", "g2")
        for device in ("vib0", "vib1"):
            self.host.port_is("g2", "ACTIVE", device)
        self.host.port_is("g1", "ACTIVE")
        self.assertEqual(self.host.sh("g2", "ls /sys/class/infiniband").split(), ["vib0", "vib1"])
        rows, table = self.listed("g2"), self.host.sh("dom0", "vibctl list")
        self.assertEqual(sorted(rows), list(range(VIBS)))
        for index, row in rows.items():
            if index in good:
                self.assertEqual((row["backend_state"], row.get("error")), ("connected", None))
                continue
            self.assertEqual(row["backend_state"], "refused", row)
            said = texts[index].said if index != nested else ["no string", "; want "]
            self.says(row["error"], said, entries[index][:80])
            self.says(table, said, entries[index][:80])
        self.host.sh("dom0", "xl destroy g2")
        self.new_guest("g2")

    # ---- command lines ----------------------------------------------------------

    def test_every_command_line_of_vibctl(self) -> None:
        """What is wrong is said, with what would be right; nothing changes."""
        wrong = [
            ("", 2, "COMMAND"), ("frob", 2, "want one of attach, detach"),
            ("-x", 2, "invalid option"),
            ("attach", 2, "whose vib? want"), ("attach nobody", 1, "no domain named"),
            ("attach 32000", 1, "no domain 32000"), ("attach -1", 2, "invalid option"),
            ("attach g1 --timeout=-1", 2, "want seconds, from 0"),
            ("attach g1 --frob", 2, "unrecognized option"),
            ("attach g1 pkey", 1, "want key=value"), ("attach g1 colour=blue", 1, "the keys are"),
            ("attach g1 pkey=0x1 pkey=0x2", 1, "given twice"),
            ("attach g1 pkey=0x10000", 1, 'pkey="0x10000"'), ("attach g1 port_guid=17", 1, "EUI-64"),
            ("attach g1 fabric=../x", 1, 'fabric="../x"'), ("attach g1 link=maybe", 1, "auto, up"),
            ("attach g1 rate=10Gbit", 1, "1000G"),
            ("attach g1 max_qp=0", 1, "from 1 to"), ("attach g1 backend=nobody", 1, "no domain named"),
            (f"attach g1 pkey={'0x1/' * 400}", 1, "longer than 1023"),
            ("detach", 2, "which vib? want"), ("detach g1", 2, "which vib? want"),
            ("detach g1 x", 1, "want a number from 0 to 31"),
            ("detach g1 32", 1, "want a number from 0 to 31"), ("detach g1 7", 1, "no vib 7"),
            ("detach nobody 0", 1, "no domain named"), ("detach g1 0 0", 2, "one domain"),
            ("list g1", 2, "vibctl show"), ("show", 2, "whose vibs? want"),
            ("show nobody", 1, "no domain named"), ("show g1 x", 1, "want a number from 0 to 31"),
            ("show g1 7", 1, "no vib 7"), ("check", 2, "want an xl config"),
            ("check /nonexistent", 1, "/nonexistent: No such file"),
            ("check /dev/null", 1, "not a regular file"),
            ("check /etc/xen", 1, "not a regular file"),
            ("check --text", 2, "requires an argument"), ("check a b", 2, "one file at a time"),
        ]
        state = ("xenstore-ls -f /local/domain/0/backend/vib; cat /run/xen-ib/domains/*")
        before = self.host.sh("dom0", state)
        done = self.script("dom0", [f"timeout 60 vibctl {words} 2>&1; echo \"= $?\""
                                    for words, _, _ in wrong])
        answers = re.findall(r"(.*?)\n= (\d+)(?:\n|$)", done, re.DOTALL)
        self.assertEqual(len(answers), len(wrong))
        for (words, status, said), (output, got) in zip(wrong, answers):
            self.assertEqual((int(got), said in output), (status, True),
                             f"vibctl {words[:60]}: {got}, {output}")
        self.assertEqual(self.host.sh("dom0", state), before)
