#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A mistake in the schema stops the build with a message naming the node.

Each case changes vib.toml in one place and looks at what generate.py says.
Prints TAP.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = (TOP / "xenstore-schema/vib.toml").read_text(encoding="utf-8")

CASES = (
    ("an unknown type", r'type = "pkeys"', 'type = "pkyes"', "backend/pkey: unknown type"),
    ("a default its type refuses", r'default = "0xffff"', 'default = "0x0000"',
     "backend/pkey: its default '0x0000'"),
    ("a default out of bounds", r'default = "4096"', 'default = "0"',
     "backend/max-qp: its default '0'"),
    ("a size out of bounds", r'config = "prereg"', 'config = "prereg"\ndefault = "4M"',
     "backend/prereg: its default '4M' is not 0, all, or bytes"),
    ("an enum without words", r'allowed = .*', '', "backend/link: 'allowed'"),
    ("an unknown writer", r'writer = "backend"', 'writer = "me"', "backend/versions: unknown writer"),
    ("a node without its sentence", r'doc = "Grant of the control page.*', '',
     "frontend/control-ref: field 'doc'"),
    ("a node defined twice", r'key = "gid"', 'key = "pkey"', "backend/pkey: defined twice"),
    ("an unknown field", r'required = true', 'requried = true', "backend/frontend: unknown field"),
    ("a config key for what the backend writes", r'key = "versions"',
     'key = "versions"\nconfig = "versions"', "backend/versions: only what the toolstack"),
    ("a change of what no config sets", r'key = "online"', 'key = "online"\nchanges = true',
     "backend/online: 'changes'"),
)


def generate(text):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "vib.toml"
        source.write_text(text, encoding="utf-8")
        return subprocess.run(
            [sys.executable, TOP / "xenstore-schema/generate.py", source, folder],
            capture_output=True, text=True, check=False)


def main():
    failed = False
    print(f"1..{len(CASES) + 1}")
    result = generate(SCHEMA)
    failed |= result.returncode != 0
    print("not ok" if failed else "ok", "1 - the schema as it is")
    for number, (name, old, new, message) in enumerate(CASES, 2):
        text, changes = re.subn(old, new, SCHEMA, count=1)
        result = generate(text)
        good = changes == 1 and result.returncode != 0 and message in result.stderr
        failed |= not good
        print("ok" if good else "not ok", f"{number} - {name}")
        if not good:
            print(f"# exit status {result.returncode}: {result.stderr.strip()}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
