#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn vib.toml into what the rest of the project compiles and prints.

    generate.py vib.toml OUTDIR

writes into OUTDIR:
    xen-ib/xenstore.h       the nodes' names in C, for all sides
    vib_schema_table.c      the table that common/schema/ walks
    vib_schema_backend.mdoc, vib_schema_frontend.mdoc
                            the tables of xen-ib-xenstore(7)
    vib_schema_config.mdoc  the table of xl-vib(5)
A mistake in the schema ends it with a message that names the node.
"""
import ipaddress
import os
import re
import sys
import textwrap
import tomllib

SIDES = {"backend": "BE", "frontend": "FE"}
WRITERS = ("toolstack", "backend", "frontend")
RATE_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
SIZE_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
FIELDS = {"side", "key", "type", "writer", "required", "config", "config_type",
          "changes", "default", "min", "max", "allowed", "doc"}


class SchemaError(Exception):
    pass


def number(text):
    return int(text, 16) if re.fullmatch(r"0x[0-9a-fA-F]+", text) else int(text, 10)


def is_uint(text, node):
    if not re.fullmatch(r"[0-9]+|0x[0-9a-fA-F]+", text):
        return False
    return node["min"] <= number(text) <= node["max"]


def is_amount(text, node, units):
    match = re.fullmatch(r"([0-9]+)([a-zA-Z]?)", text)
    if not match or match[2] not in units:
        return False
    amount = int(match[1]) * units[match[2]]
    return not amount or node["min"] <= amount <= node["max"]


def amount_text(amount, units):
    """An amount in the largest unit in which it is a whole number."""
    unit = max((u for u in units if amount % units[u] == 0), key=units.get)
    return f"{amount // units[unit]}{unit if amount else ''}"


def is_guid(text, node):
    digits = text.removeprefix("0x").replace(":", "")
    if not re.fullmatch(r"0x[0-9a-fA-F]{16}|[0-9a-fA-F]{4}(:[0-9a-fA-F]{4}){3}", text):
        return False
    value = int(digits, 16)
    return value not in (0, 2**64 - 1) and not value >> 56 & 1


def is_list(text, node, one):
    entries = [one(entry) for entry in text.split("/")]
    return (None not in entries and len(set(entries)) == len(entries)
            and node["min"] <= len(entries) <= node["max"])


def pkey(text):
    ok = re.fullmatch(r"0x[0-9a-fA-F]{1,4}", text) and int(text, 16) & 0x7fff
    return int(text, 16) if ok else None


def gid(text):
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    return None if address.is_multicast or not int(address) else address


# What each type accepts, as far as a default in the schema needs it; the real
# parsers are common/schema/types.c, and a unit test holds every default to them.
ACCEPTS = {
    "uint": is_uint,
    "bool": lambda text, node: text in ("0", "1"),
    "enum": lambda text, node: text in node["allowed"],
    "name": lambda text, node: re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,30}", text),
    "guid": is_guid,
    "pkeys": lambda text, node: is_list(text, node, pkey),
    "gids": lambda text, node: is_list(text, node, gid),
    "rate": lambda text, node: is_amount(text, node, RATE_UNITS),
    "size": lambda text, node: text == "all" or is_amount(text, node, SIZE_UNITS),
    "domain": lambda text, node: re.fullmatch(r"[!-.0-~]{1,127}", text),
    "path": lambda text, node: re.fullmatch(r"(/[A-Za-z0-9@_-]+)+", text),
    "session": lambda text, node: re.fullmatch(r"[0-9a-fA-F]{16}", text),
    "text": lambda text, node: re.fullmatch(r"[ -~]{0,511}", text),
}
NUMBERS = ("uint", "rate", "size")
BOUNDED = (*NUMBERS, "pkeys", "gids")


def check_node(node, types):
    """Raise SchemaError for what is wrong with a node, and fill in its gaps."""
    if unknown := set(node) - FIELDS:
        raise SchemaError(f"unknown field '{min(unknown)}'")
    for field in ("side", "key", "type", "writer", "doc"):
        if not isinstance(node.get(field), str) or not node[field]:
            raise SchemaError(f"field '{field}' is missing or no text")
    if node["side"] not in SIDES:
        raise SchemaError(f"unknown side '{node['side']}'")
    if node["writer"] not in WRITERS:
        raise SchemaError(f"unknown writer '{node['writer']}'")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", node["key"]):
        raise SchemaError("a key is lower-case letters, digits and '-'")
    if "config" in node and not re.fullmatch(r"[a-z][a-z0-9_]*", node["config"]):
        raise SchemaError("a config key is lower-case letters, digits and '_'")
    for field in ("type", "config_type"):
        if field in node and (node[field] not in types or node[field] not in ACCEPTS):
            raise SchemaError(f"unknown type '{node[field]}'")
    if "config" in node and node["writer"] != "toolstack":
        raise SchemaError("only what the toolstack writes can be set in a config")
    if node.get("changes") and "config" not in node:
        raise SchemaError("'changes' is for what has a config key")
    if node["type"] not in BOUNDED and ("min" in node or "max" in node):
        raise SchemaError(f"type '{node['type']}' has no bounds")
    if node["type"] in BOUNDED and "max" not in node:
        raise SchemaError(f"type '{node['type']}' needs 'max'")
    if ("allowed" in node) != (node["type"] == "enum"):
        raise SchemaError("'allowed' goes with type 'enum', and the other way round")
    node.setdefault("required", False)
    node.setdefault("changes", False)
    node.setdefault("config_type", node["type"])
    node.setdefault("min", 0 if node["type"] in NUMBERS else 1)
    node.setdefault("max", 0)
    default = node.get("default")
    if default is not None and not (isinstance(default, str)
                                    and ACCEPTS[node["type"]](default, node)):
        bounds = f", {bounds_text(node)}" if bounds_text(node) else ""
        raise SchemaError(f"its default '{default}' is not {types[node['type']]}{bounds}")


def load(path):
    with open(path, "rb") as f:
        schema = tomllib.load(f)
    types, nodes = schema.get("type", {}), schema.get("node", [])
    seen, configs = set(), set()
    if missing := set(types) ^ set(ACCEPTS):
        raise SchemaError(f"type '{min(missing)}': known to only one of schema and generator")
    for node in nodes:
        place = f"node {node.get('side')}/{node.get('key')}"
        try:
            check_node(node, types)
            if (node["side"], node["key"]) in seen:
                raise SchemaError("defined twice")
            if "config" in node and node["config"] in configs:
                raise SchemaError(f"config key '{node['config']}' defined twice")
        except SchemaError as e:
            raise SchemaError(f"{place}: {e}") from None
        seen.add((node["side"], node["key"]))
        configs.add(node.get("config"))
    return types, nodes


def c_string(text):
    if text is None:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def c_name(key):
    return key.upper().replace("-", "_")


def header(nodes):
    names = [(f"VIB_{SIDES[n['side']]}_{c_name(n['key'])}", n) for n in nodes]
    width = max(len(name) for name, _ in names)
    out = ["/* SPDX-License-Identifier: MIT */",
           "/* The xenstore nodes of a vib. Generated from xenstore-schema/vib.toml. */",
           "#ifndef XEN_IB_XENSTORE_H", "#define XEN_IB_XENSTORE_H", "",
           "/* The device kind: backend/vib, device/vib. */", '#define VIB_KIND "vib"']
    for side, directory in (("backend", "backend/vib/<frontend-id>/<index>"),
                            ("frontend", "device/vib/<index>")):
        out += ["", f"/* In {directory}. */"]
        out += [f'#define {name:<{width}} "{n["key"]}"' for name, n in names
                if n["side"] == side]
    return "\n".join(out + ["", "#endif", ""])


def table(types, nodes):
    out = ["/* SPDX-License-Identifier: GPL-2.0-or-later */",
           "/* Generated from xenstore-schema/vib.toml. */",
           '#include "schema/schema.h"', "",
           "const char *const schema_type_text[SCHEMA_TYPES] = {"]
    out += [f"\t[SCHEMA_{t.upper()}] = {c_string(text)}," for t, text in types.items()]
    out += ["};", "", "const struct schema_node schema_nodes[] = {"]
    for n in nodes:
        words = ", ".join(c_string(w) for w in n.get("allowed", []))
        allowed = f"(const char *const[]){{ {words}, NULL }}" if words else "NULL"
        out += ["\t{", f"\t\t.side = SCHEMA_{n['side'].upper()},",
                f"\t\t.key = {c_string(n['key'])},",
                f"\t\t.type = SCHEMA_{n['type'].upper()},",
                f"\t\t.config_type = SCHEMA_{n['config_type'].upper()},",
                f"\t\t.writer = SCHEMA_BY_{n['writer'].upper()},",
                f"\t\t.required = {str(n['required']).lower()},",
                f"\t\t.changes = {str(n['changes']).lower()},",
                f"\t\t.config = {c_string(n.get('config'))},",
                f"\t\t.def = {c_string(n.get('default'))},",
                f"\t\t.min = {n['min']}ull, .max = {n['max']}ull,",
                f"\t\t.allowed = {allowed},", f"\t\t.doc = {c_string(n['doc'])},", "\t},"]
    out += ["};", "", f"const size_t schema_node_count = {len(nodes)};", ""]
    return "\n".join(out)


def mdoc_text(text):
    """Text as mdoc wants it: a sentence begins a line, and no line is long."""
    lines = []
    for sentence in re.split(r"(?<=[.?!]) (?=[A-Z])", text.replace("\\", "\\e")):
        lines += textwrap.wrap(sentence, 76, break_long_words=False,
                               break_on_hyphens=False)
    return "\n".join("\\&" + line if line[0] in ".'" else line for line in lines)


def bounds_text(node):
    """The bounds of a node's type, for people, or none."""
    if node["type"] == "uint":
        return f"{node['min']} to {node['max']}"
    if node["type"] in ("rate", "size"):
        units = RATE_UNITS if node["type"] == "rate" else SIZE_UNITS
        return f"{amount_text(node['min'], units)} to {amount_text(node['max'], units)}"
    if node["type"] in BOUNDED:
        return f"at most {node['max']} entries"
    return ", ".join(node.get("allowed", []))


def mdoc_item(term, types, kind, node, tail):
    facts = types[kind]
    if kind == node["type"] and (bounds := bounds_text(node)):
        facts += ": " + bounds
    out = [f".It {term}", mdoc_text(node["doc"]), ".br",
           mdoc_text(f"{facts[0].upper()}{facts[1:]}.")]
    if "default" in node:
        out += ["Default:", f".Ql {node['default']} ."]
    return out + tail


def mdoc_nodes(types, nodes, side):
    out = [".Bl -tag -width Ds"]
    for n in nodes:
        if n["side"] == side:
            tail = [f"Written by the {n['writer']}{', always' if n['required'] else ''}."]
            tail += ["Changes at run time."] if n["changes"] else []
            out += mdoc_item(f"Va {n['key']}", types, n["type"], n, tail)
    return "\n".join(out + [".El", ""])


def mdoc_config(types, nodes):
    out = [".Bl -tag -width Ds"]
    for n in nodes:
        if "config" in n:
            tail = ["Changes at run time."] if n["changes"] else []
            out += mdoc_item(f"Cm {n['config']}", types, n["config_type"], n, tail)
    return "\n".join(out + [".El", ""])


def main():
    source, outdir = sys.argv[1:]
    try:
        types, nodes = load(source)
    except (SchemaError, tomllib.TOMLDecodeError) as e:
        sys.exit(f"{source}: {e}")
    files = {
        "xen-ib/xenstore.h": header(nodes),
        "vib_schema_table.c": table(types, nodes),
        "vib_schema_backend.mdoc": mdoc_nodes(types, nodes, "backend"),
        "vib_schema_frontend.mdoc": mdoc_nodes(types, nodes, "frontend"),
        "vib_schema_config.mdoc": mdoc_config(types, nodes),
    }
    for name, text in files.items():
        path = os.path.join(outdir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main()
