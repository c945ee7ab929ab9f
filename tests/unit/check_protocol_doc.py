#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compare include/xen-ib/PROTOCOL.md with the headers, and print TAP.

The truth is what the compiler made of abi.h, read from its debugging
information: every struct of every header must stand in the document under a
heading "#### struct NAME, N bytes", with a row | offset | size | field | for
each of its fields and no other, and every enum under "#### enum NAME" with a
row | value | name | for each of its values. Fields of nameless structs and
unions are written with dots. Constants, under "#### Constants", are compared
as | value | name |.
"""

import os
import re
import subprocess
import sys
import tempfile

HEADERS = "include/xen-ib"
DOCUMENT = os.path.join(HEADERS, "PROTOCOL.md")
# One side's own view of shared memory, which the other never sees; and what
# xen/io/ring.h makes of our types, whose header is Xen's.
PRIVATE = {"vib_queue", "vib_control_front_ring", "vib_control_back_ring",
           "vib_control_sring"}


def entries(text):
    """The entries of `readelf --debug-dump=info`: offset -> (depth, tag, attributes)."""
    found = {}
    current = None
    for line in text.splitlines():
        head = re.match(r" <([0-9a-f]+)><([0-9a-f]+)>: Abbrev Number: \d+ \(DW_TAG_(\w+)\)",
                        line)
        if head:
            current = {}
            found[int(head[2], 16)] = (int(head[1], 16), head[3], current)
            continue
        attribute = re.match(r"\s+<[0-9a-f]+>\s+DW_AT_(\w+)\s*: (.*)", line)
        if attribute and current is not None:
            # Binutils of different ages say the form, where a string lies, or neither.
            value = re.sub(r"^(\([^)]*\)\s*)*:?\s*", "", attribute[2])
            current[attribute[1]] = re.sub(r"\t.*$", "", value).strip()
    return found


class Types:
    """The structs and enums that the headers define, as the compiler lays them out."""

    def __init__(self, info):
        self.entries = entries(info)
        self.children = {}
        path = []
        for offset in sorted(self.entries):
            depth = self.entries[offset][0]
            del path[depth:]
            if path:
                self.children.setdefault(path[-1], []).append(offset)
            path.append(offset)

    def attribute(self, offset, name):
        return self.entries[offset][2].get(name)

    def target(self, offset):
        return int(re.match(r"<(0x[0-9a-f]+)>", self.attribute(offset, "type"))[1], 16)

    def size(self, offset):
        tag = self.entries[offset][1]
        if tag == "array_type":
            size = self.size(self.target(offset))
            for child in self.children[offset]:
                if self.attribute(child, "upper_bound") is not None:
                    size *= int(self.attribute(child, "upper_bound"), 0) + 1
                else:
                    size *= int(self.attribute(child, "count") or "0", 0)
            return size
        if self.attribute(offset, "byte_size") is not None:
            return int(self.attribute(offset, "byte_size"), 0)
        return self.size(self.target(offset))

    def fields(self, offset, start=0, prefix=""):
        for child in self.children.get(offset, []):
            if self.entries[child][1] != "member":
                continue
            at = start + int(self.attribute(child, "data_member_location") or "0", 0)
            name = prefix + (self.attribute(child, "name") or "")
            kind = self.target(child)
            if self.entries[kind][1] in ("structure_type", "union_type") and \
                    self.attribute(kind, "name") is None:
                yield from self.fields(kind, at, name + ("." if name else ""))
            else:
                yield name, (at, self.size(kind))

    def structs(self):
        for offset, (_, tag, attributes) in self.entries.items():
            name = attributes.get("name", "")
            if tag == "structure_type" and name.startswith("vib_") and \
                    "byte_size" in attributes and name not in PRIVATE:
                yield name, (int(attributes["byte_size"], 0), dict(self.fields(offset)))

    def enums(self):
        for offset, (_, tag, attributes) in self.entries.items():
            name = attributes.get("name", "")
            if tag == "enumeration_type" and name.startswith("vib_"):
                yield name, {self.attribute(c, "name"): int(self.attribute(c, "const_value"), 0)
                             for c in self.children.get(offset, [])}


def compile_headers(folder):
    """The debugging information of all the headers."""
    source = os.path.join(folder, "abi.c")
    output = os.path.join(folder, "abi.o")
    with open(source, "w", encoding="ascii") as file:
        file.write("#include <xen-ib/abi.h>\n")
    subprocess.run(["gcc", "-std=gnu11", "-g", "-gdwarf-4", "-fno-eliminate-unused-debug-types",
                    "-Iinclude", "-c", "-o", output, source], check=True)
    return subprocess.run(["readelf", "-W", "--debug-dump=info", output], check=True,
                          stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def check_constants(constants, folder):
    """Complaints of the compiler about what the document says of constants."""
    source = os.path.join(folder, "constants.c")
    with open(source, "w", encoding="ascii") as file:
        file.write("#include <xen-ib/abi.h>\n")
        for name, value in constants.items():
            file.write(f'_Static_assert(({name}) == {value}, "{name} is not {value}");\n')
    result = subprocess.run(["gcc", "-std=gnu11", "-Iinclude", "-fsyntax-only", source],
                            stderr=subprocess.PIPE, text=True, check=False)
    problems = [line for line in result.stderr.splitlines() if "error:" in line]
    defined = set()
    for header in sorted(os.listdir(HEADERS)):
        if header.endswith(".h"):
            with open(os.path.join(HEADERS, header), encoding="utf-8") as file:
                defined |= set(re.findall(r"^#define (VIB_\w+)[ \t]+(?!static )\S", file.read(), re.M))
    problems += [f"{name} is missing" for name in sorted(defined - set(constants))]
    return problems


def read_document():
    """What the document says: structs, enums, constants."""
    structs, enums, constants = {}, {}, {}
    rows, kind = None, None
    with open(DOCUMENT, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#"):
                rows, kind = None, None
                head = re.match(r"#### struct (\w+), (\d+) bytes$", line)
                if head:
                    rows, kind = {}, "struct"
                    structs[head[1]] = (int(head[2]), rows)
                head = re.match(r"#### enum (\w+)$", line)
                if head:
                    rows, kind = enums.setdefault(head[1], {}), "value"
                if line.startswith("#### Constants"):
                    rows, kind = constants, "value"
                continue
            cells = [c.strip().strip("`") for c in line.strip().strip("|").split("|")]
            if rows is None or not line.startswith("|") or not re.match(r"\d", cells[0]):
                continue
            name = cells[2] if kind == "struct" else cells[1]
            if name in rows:
                raise SystemExit(f"Bail out! {name} stands twice in a table")
            if kind == "struct":
                rows[name] = (int(cells[0]), int(cells[1]))
            else:
                rows[name] = int(cells[0], 0)
    return structs, enums, constants


def compare(real, written):
    """What differs between two tables of named values."""
    problems = [f"{name} is missing" for name in real if name not in written]
    problems += [f"{name} does not exist" for name in written if name not in real]
    problems += [f"{name} is {real[name]}, the document says {written[name]}"
                 for name in real if name in written and real[name] != written[name]]
    return problems


def main():
    with tempfile.TemporaryDirectory() as folder:
        types = Types(compile_headers(folder))
        structs, enums, constants = read_document()
        real_structs, real_enums = dict(types.structs()), dict(types.enums())
        results = []
        for name in sorted(set(real_structs) | set(structs)):
            if name not in real_structs or name not in structs:
                results.append((f"struct {name}", [
                    "not in the document" if name in real_structs else "not in the headers"]))
                continue
            problems = compare(real_structs[name][1], structs[name][1])
            if real_structs[name][0] != structs[name][0]:
                problems.append(f"has {real_structs[name][0]} bytes")
            results.append((f"struct {name}", problems))
        for name in sorted(set(real_enums) | set(enums)):
            results.append((f"enum {name}",
                            compare(real_enums.get(name, {}), enums.get(name, {}))))
        results.append(("constants", check_constants(constants, folder)))

    print(f"1..{len(results)}")
    for number, (name, problems) in enumerate(results, 1):
        print(f"{'not ok' if problems else 'ok'} {number} - {name}")
        for problem in problems:
            print(f"# {name}: {problem}")
    return any(problems for _, problems in results)


if __name__ == "__main__":
    sys.exit(main())
