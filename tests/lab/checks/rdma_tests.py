# SPDX-License-Identifier: GPL-2.0-or-later
"""rdma-core's own tests, run in a guest, and what of them may be skipped."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from .host import Host

ACCEPTED = Path(__file__).with_name("accepted_skips.txt")
# The cases that load without the files for mlx5, efa and cuda.
LOADED = 170
MOST_SKIPPED = 45

# Links, because loading goes by the folder and the image is read-only. The
# mlx5 and efa modules without test_ are imported by the generic ones. Huge
# pages are a request: a PV guest has none.
PREPARE = """
rm -rf /tmp/rdma-tests && mkdir -p /tmp/rdma-tests/tests && cd /tmp/rdma-tests/tests &&
ln -s /usr/share/xenlab/rdma-tests/tests/*.py . && rm test_mlx5* test_efa* test_cuda* &&
{ echo 4 >/proc/sys/vm/nr_hugepages; } 2>/dev/null; cd /tmp/rdma-tests
"""

# The second line is the case's docstring, if it has one. One case prints besides.
CASE = re.compile(r"^\w+ \(tests\.([\w.]+)\)(?:\n.*?)?? \.\.\. (?:is_fork_initialized\(\) = \d\n)?"
                  r"(ok|FAIL|ERROR|skipped (.*))$", re.M)


@dataclass
class Result:
    """What a run said. Cases are named MODULE.CLASS.METHOD."""

    ran: int = 0
    passed: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    output: str = ""


def read(output: str) -> Result:
    """Read the output of `python3 -m unittest -v`."""
    result = Result(output=output)
    for found in CASE.finditer(output):
        name, verdict, why = found.groups()
        if verdict == "ok":
            result.passed.append(name)
        elif why:
            result.skipped[name] = why.strip("'\"")
        else:
            result.bad.append(name)
    # Also what failed outside a case, and a subtest's failure.
    result.bad += [name for name in re.findall(r"^(?:ERROR|FAIL): .*?\(tests\.([\w.]+)\)",
                                               output, re.M) if name not in result.bad]
    ran = re.search(r"^Ran (\d+) tests? in", output, re.M)
    result.ran = int(ran[1]) if ran else 0
    return result


def run(host: Host, guest: str, device: str, gid: int) -> Result:
    """Run all generic cases on a device of the guest."""
    done = host.attempt(guest, f"{PREPARE} timeout 240 python3 -B -W ignore::DeprecationWarning "
                        "tests/run_tests.py -v "
                        f"--dev {device} --port 1 --gid {gid} 2>&1", 300)
    return read(done.stdout)


def accepted(guest_type: str, text: str = "") -> dict[str, str]:
    """The cases that may be skipped in guests of this type, and why."""
    cases, reason = {}, ""
    for line in (text or ACCEPTED.read_text()).splitlines():
        if line.startswith("#"):
            reason = line.lstrip("# ")
            continue
        words = line.split()
        if words and (len(words) == 1 or words[1] == guest_type):
            cases[words[0]] = reason
    return cases


def problems(result: Result, may_skip: dict[str, str],
             most: int = MOST_SKIPPED) -> list[str]:
    """What is wrong with a run, in words; empty when all is well."""
    found = [f"{name} failed" for name in result.bad]
    if result.ran != LOADED:
        found.append(f"{result.ran} cases ran, not {LOADED}")
    known = len(result.passed) + len(result.skipped) + len(set(result.bad))
    if known != result.ran:
        found.append(f"{result.ran} cases ran, and the ends of {known} are known")
    found += [f"{name} is skipped ({why}), and accepted_skips.txt does not list it"
              for name, why in result.skipped.items() if name not in may_skip]
    found += [f"{name} is no longer skipped: take it out of accepted_skips.txt"
              for name in may_skip if name not in result.skipped and result.ran]
    if len(result.skipped) > most:
        found.append(f"{len(result.skipped)} cases are skipped, more than {most}")
    return found


def failures(result: Result) -> str:
    """The tests' own words about what failed, or the end of a run that broke off."""
    return result.output.partition("=" * 70)[2] or result.output[-3000:]


def listing(result: Result, may_skip: dict[str, str]) -> str:
    """The skipped cases with our reason and the tests' own words."""
    lines = [f"{len(result.passed)} passed, {len(result.bad)} failed, "
             f"{len(result.skipped)} skipped of {result.ran}:"]
    reason = None
    for name, ours in sorted(((n, may_skip.get(n, "not accepted")) for n in result.skipped),
                             key=lambda pair: (pair[1], pair[0])):
        if ours != reason:
            lines.append(f"  {ours}")
            reason = ours
        lines.append(f"    {name}: {result.skipped[name]}")
    return "\n".join(lines)
