# SPDX-License-Identifier: GPL-2.0-or-later
"""What no node of a vib and no text of a config may be.

It follows from xenstore-schema/vib.toml, so a new key is covered as soon as it is
there.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
NODES = tomllib.loads((ROOT / "xenstore-schema" / "vib.toml").read_text())["node"]
CONFIG = [node for node in NODES if "config" in node]
BACKEND = [node for node in NODES if node["side"] == "backend" and node["writer"] == "toolstack"]
FRONTEND = [node for node in NODES if node["side"] == "frontend" and node["writer"] == "frontend"]

# What xenstore lets one domain have, and more than any node of ours.
HUGE = "9" * 1500
# The most vibs of a domain.
VIBS = 32

# By type, beside what is garbage for each.
OF_TYPE = {
    "uint": ["-1", "1.5", "0x", "1e3", "99999999999999999999"],
    "bool": ["2", "yes", "01"],
    "enum": ["maybe"],
    "name": ["../x", "-x", "x" * 32],
    "guid": ["17", "0x0", "0x0000000000000000", "0xffffffffffffffff", "0x0100000000000001"],
    "pkeys": ["0x0000", "0x10000", "65535", "0x8001/", "0x8001/0x8001"],
    "gids": ["ff02::1", "::", "fe80::1/fe80::1", "fe80::1/"],
    "rate": ["-1", "1.5", "1T", "99999999999999999999"],
    "domain": ["no body", "no/body"],
    "path": ["relative", "/with//nothing", "/with space"],
    "session": ["0123", "g" * 16],
}
OF_ALL = ["", "rub bish", "\\", "\"", "\u00fc", "\x01", HUGE[:900]]


def garbage(node: dict, kind: str) -> list[str]:
    """Texts that the node must not have, as text of this type."""
    bad = list(OF_TYPE.get(kind, []))
    if kind in ("uint", "rate"):
        bad.append(str(node["max"] + 1))
        if node.get("min", 0) > (kind == "rate"):  # a rate of 0 is none
            bad.append(str(node["min"] - 1))
    if kind == "pkeys":
        bad.append("/".join(f"0x{n:x}" for n in range(1, node["max"] + 2)))
    if kind == "gids":
        bad.append("/".join(f"fe80::{n:x}" for n in range(1, node["max"] + 2)))
    if kind == "enum":
        bad.append(node["allowed"][0].upper())
    if kind == "text":
        return ["\x01", "\u00fc", HUGE]
    if kind == "domain":  # anything that can be printed may be one's name
        return bad + [value for value in OF_ALL if value not in ("\\", "\"")]
    return bad + OF_ALL


def said_of(key: str, value: str) -> list[str]:
    """What a refusal must contain: the key, the value as far as it is plain, what is right."""
    plain = re.match(r"[ !#-\[\]-~]*", value)[0][:20]
    return [f'{key}="{plain}', "; want "]


@dataclass(frozen=True)
class Bad:
    """A vib's text, and what its refusal must contain."""

    text: str
    said: list[str]


def bad_values() -> list[Bad]:
    """Every kind of garbage for every key; blanks at the ends are no part of a value."""
    return [Bad(f"{node['config']}={value}", said_of(node["config"], value))
            for node in CONFIG
            for value in garbage(node, node.get("config_type", node["type"]))]


# What is wrong in more than a value.
BAD_TEXTS = [
    Bad("pkey", ['"pkey" has no \'=\'', "want key=value"]),
    Bad("=0x1", ['"" is no key', "the keys are", "pkey"]),
    Bad("colour=blue", ['"colour" is no key', "the keys are", "pkey"]),
    Bad("PKEY=0x1", ['"PKEY" is no key', "the keys are"]),
    Bad("pkey=0x1, pkey=0x2", ["pkey is given twice", "want it once"]),
    Bad("pkey=0x1,,link=up", ["has no '='", "want key=value"]),
    Bad("," * 40, ["has no '='", "want key=value"]),
    Bad("pkey=0x1 link=up", ['pkey="0x1 link=up', "; want "]),
    Bad("pkey=0x1; link=up", ['pkey="0x1; link=up', "; want "]),
    Bad("\x01\x02=\x03", ["is no key", "the keys are"]),
    Bad("fabric=nowhere\u00e9", ['fabric="nowhere', "; want "]),
    Bad("pkey=" + "0x1/" * 1024, ["longer than 1023 characters"]),
]
