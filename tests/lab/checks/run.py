# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the checks on one lab after the other and counts."""

import argparse
import inspect
import re
import sys
import time
import unittest
from dataclasses import dataclass, replace

from . import dma_checks, hosts_checks, memory_checks, mpi_checks, wire_checks
from .cm_checks import CmChecks
from .dma_checks import AllMemoryChecks, DmaChecks
from .garbage_checks import GarbageChecks
from .guest_wire_checks import GuestWireChecks
from .host import Host
from .hostile_checks import HostileChecks
from .hostile_gsi_checks import HostileGsiChecks
from .hostile_wire_checks import HostileWireChecks
from .hosts_checks import HostsChecks
from .ipoib_checks import IpoibChecks
from .kernel_soak import KernelSoakChecks
from .lab_check import LabCheck
from .mpi_checks import MpiChecks
from .node_checks import NodeChecks
from .sa_checks import SaChecks
from .soak_checks import SoakChecks
from .storage_checks import StorageChecks
from .trouble_checks import TroubleChecks
from .ulp_checks import UlpChecks
from .ulp_hosts_checks import UlpHostsChecks
from .verbs_checks import VerbsChecks
from .vib_checks import VibChecks
from .wire_checks import WireChecks

# What the guest's kernel makes of a vib.
KERNEL: tuple[type[LabCheck], ...] = (SaChecks, IpoibChecks, CmChecks)
WIRE: tuple[type[LabCheck], ...] = (WireChecks, GuestWireChecks, HostileWireChecks)
# Disks of guests that have a vib, and of those that have none.
STORAGE: tuple[type[LabCheck], ...] = (UlpChecks, StorageChecks)
# `make check-lab T=ipoib`, and so on.
TOPICS: dict[str, tuple[type[LabCheck], ...]] = {
    "ipoib": (IpoibChecks,), "cm": (CmChecks,), "sa": (SaChecks,), "kernel": KERNEL,
    "soak": (KernelSoakChecks,), "dma": (DmaChecks,), "storage": STORAGE,
    "storage-hosts": (UlpHostsChecks,), "mpi": (MpiChecks,),
    "hostile": (HostileChecks, HostileGsiChecks), "wire": WIRE, "hosts": (HostsChecks,)}
# What more `lab up` is told for a topic.
TOPIC_LABS = {"wire": wire_checks.LAB, "hosts": hosts_checks.LAB,
              "storage-hosts": hosts_checks.LAB, "mpi": mpi_checks.LAB}
# VibChecks ends with a look at the kernels' logs.
MAIN: tuple[type[LabCheck], ...] = (VerbsChecks, TroubleChecks, GarbageChecks, *KERNEL,
                                    VibChecks)
WHOLE: tuple[type[LabCheck], ...] = (VerbsChecks, TroubleChecks, GarbageChecks, NodeChecks,
                                     *KERNEL, DmaChecks, VibChecks)


@dataclass(frozen=True)
class Setting:
    """One lab: the guests' type, and the kernels of guests and Dom0."""

    type: str
    kernel: str
    dom0_kernel: str
    checks: str = ""  # only these, as a pattern of names
    groups: tuple[type[LabCheck], ...] = MAIN
    lab: tuple[str, ...] = ()  # what else `lab up` is told

    def __str__(self) -> str:
        what = "" if self.groups in (MAIN, WHOLE) else f": {', '.join(g.__name__ for g in self.groups)}"
        return f"{self.type} guests {self.kernel}, Dom0 {self.dom0_kernel}{what}"

    @property
    def name(self) -> str:
        """Of its lab."""
        words = ["check", self.type, self.kernel, self.dom0_kernel]
        if self.groups not in (MAIN, WHOLE):
            words.append(self.groups[0].__name__.removesuffix("Checks").lower())
        return "-".join(words).replace(".", "_")[:32]  # a lab's name has no more


# One boot per kernel, in twenty minutes on two processors: what breaks first and
# what nothing but Xen shows, each once; conformance and ibback's death on both.
PV_CHECKS = ("by_lid_and|every_perftest|system_call|conformance|killed_under_programs|"
             "destroyed_in_mid|unloaded_under|grants_exhausted|command_line|saquery|devinfo|"
             "config_of|set_reaches|stats_show|reload|killed_and|terminated_and|vibd_restart|"
             "holding|complains")
PVH_CHECKS = ("events|conformance|ping_of_both|under_ipoib$|rping|killed_and|attach_and|"
              "reboot_keeps|complains")

SHORT = [Setting("pv", "6.1", "6.1", PV_CHECKS), Setting("pvh", "6.12", "6.12", PVH_CHECKS)]
# Every guest type with every kernel, each under both Dom0 kernels once.
LONG = [*(Setting(*shape, groups=WHOLE) for shape in (
            ("pv", "6.1", "6.1"), ("pvh", "6.1", "6.12"),
            ("pv", "6.12", "6.12"), ("pvh", "6.12", "6.1"))),
        # Ten minutes each: what is mapped how depends on the guests' type.
        Setting("pv", "6.1", "6.1", groups=(HostileChecks, HostileGsiChecks)),
        Setting("pvh", "6.12", "6.12", groups=(HostileChecks, HostileGsiChecks)),
        # What must not add up: each soak with one type of guests.
        Setting("pvh", "6.12", "6.1", "come_and_go", (SoakChecks,)),
        Setting("pv", "6.1", "6.1", "killed_again", (SoakChecks,)),
        Setting("pv", "6.12", "6.1", groups=(KernelSoakChecks,)),
        # The peer has either kernel, as Dom0 has.
        Setting("pv", "6.1", "6.1", groups=WIRE, lab=wire_checks.LAB),
        Setting("pvh", "6.12", "6.12", groups=WIRE, lab=(*wire_checks.LAB, "6.12")),
        Setting("pv", "6.1", "6.12", groups=(HostsChecks,), lab=hosts_checks.LAB),
        Setting("pv", "6.1", "6.1", groups=STORAGE),
        Setting("pvh", "6.12", "6.12", groups=STORAGE),
        Setting("pv", "6.1", "6.1", groups=(UlpHostsChecks,), lab=hosts_checks.LAB),
        Setting("pv", "6.1", "6.1", groups=(MpiChecks,), lab=mpi_checks.LAB),
        Setting("pvh", "6.12", "6.12", groups=(MpiChecks,), lab=mpi_checks.LAB),
        Setting("pvh", "6.12", "6.1", groups=(AllMemoryChecks,), lab=dma_checks.ALL),
        # 1 GiB takes words of Xen's own.
        *(Setting("pvh", "6.12", "6.1", groups=groups, lab=memory_checks.ONE_GUEST + xen)
          for groups, xen in memory_checks.XENS)]


class Spoken(unittest.TextTestResult):
    """One line a check, with its time, as it ends."""

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._began = time.monotonic()

    def addFailure(self, test: unittest.TestCase, err) -> None:
        super().addFailure(test, err)
        self._why(err)

    def addError(self, test: unittest.TestCase, err) -> None:
        super().addError(test, err)
        self._why(err)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err) -> None:
        super().addSubTest(test, subtest, err)
        if err:
            self._why(err)

    def _why(self, err) -> None:
        """At once: others may run for an hour."""
        self.stream.write(f"{err[1]}\n")
        self.stream.flush()

    def stopTest(self, test: unittest.TestCase) -> None:
        self.stream.write(f"   {time.monotonic() - self._began:6.1f} s\n")
        self.stream.flush()
        super().stopTest(test)


def suite(groups: tuple[type[LabCheck], ...], pattern: str) -> unittest.TestSuite:
    """The checks whose name the pattern is found in, in the order they stand."""
    chosen = unittest.TestSuite()
    for checks in groups:
        names = [name for name, _ in inspect.getmembers(checks, inspect.isfunction)
                 if name.startswith("test_")
                 and re.search(pattern, f"{checks.__name__}.{name}")]
        names.sort(key=lambda name: inspect.getsourcelines(getattr(checks, name))[1])
        chosen.addTests(checks(name) for name in names)
    return chosen


def check(setting: Setting, rounds: int, pattern: str, reuse: bool,
          keep: bool) -> tuple[int, int]:
    """Run the checks in one lab, if there are any: how many passed and failed."""
    chosen = suite(setting.groups, pattern or setting.checks)
    if not chosen.countTestCases():
        return 0, 0
    print(f"== {setting}, {rounds} round(s)", flush=True)
    host = Host(setting.name)
    LabCheck.host, LabCheck.rounds, LabCheck.type = host, rounds, setting.type
    LabCheck.shape = ["--type", setting.type, "--kernel", setting.kernel]
    try:
        if reuse:
            host.lab("push", "--restart")
        else:
            host.up("--guests", "2", *LabCheck.shape, "--dom0-kernel", setting.dom0_kernel,
                    *setting.lab)
        runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Spoken)
        result = runner.run(chosen)
    except AssertionError as error:
        print(f"the lab did not come up: {error}")
        return 0, 1
    finally:
        if not keep:
            host.down()
    # One may have failed in several of its parts.
    failed = len({str(getattr(test, "test_case", test))
                  for test, _ in result.failures + result.errors})
    return max(0, result.testsRun - failed), failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/lab/check", description=__doc__)
    parser.add_argument("--long", action="store_true", help="every type and kernel, 10 rounds")
    parser.add_argument("--rounds", type=int, help="rounds of each check that repeats")
    parser.add_argument("--type", choices=("pv", "pvh"), help="only these guests")
    parser.add_argument("--kernel", choices=("6.1", "6.12"), help="only these guests' kernel")
    parser.add_argument("--dom0-kernel", choices=("6.1", "6.12"), help="only this Dom0 kernel")
    parser.add_argument("--topic", choices=TOPICS, help="what the guests' kernels make of it")
    parser.add_argument("--keep", action="store_true", help="leave the labs up")
    parser.add_argument("--reuse", action="store_true",
                        help="use labs that --keep left up, with the daemons of today")
    parser.add_argument("pattern", nargs="?", default="", help="only checks whose name this is found in (a regular expression)")
    options = parser.parse_args()

    rounds = options.rounds or (10 if options.long else 1)
    settings = [s for s in (LONG if options.long else SHORT)
                if options.type in (None, s.type) and options.kernel in (None, s.kernel)
                and options.dom0_kernel in (None, s.dom0_kernel)]
    if options.topic:
        settings = [replace(s, checks="", groups=TOPICS[options.topic],
                            lab=s.lab + TOPIC_LABS.get(options.topic, ()))
                    for s in settings if s.groups in (MAIN, WHOLE)]
    passed = failed = 0
    for setting in settings:
        good, bad = check(setting, rounds, options.pattern, options.reuse,
                          options.keep)
        passed, failed = passed + good, failed + bad
    if not passed + failed:
        print("nothing fits these options; without --long there are only "
              + " and ".join(str(s) for s in SHORT), file=sys.stderr)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1
