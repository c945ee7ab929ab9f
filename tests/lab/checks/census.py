# SPDX-License-Identifier: GPL-2.0-or-later
"""What a host holds: taken twice, it shows what came and did not go.

Counts must be what they were. Memory is rounded, and the kernels' caches grow by
themselves, so it has a bound, which is far below what a leak in each of many rounds
adds up to.
"""

import re
from typing import Sequence

from .host import Host

Census = dict[str, int]

# An emulated host starts a few programs a second at best, so the shell reads what
# it can by itself. Memory is without what the kernel would give back at once.
KERNEL = r"""
stuck=0 xl=0
for stat in /proc/[0-9]*/stat; do
    read -r line <$stat || continue
    case ${line##*) } in [DZ]*) stuck=$((stuck + 1)) ;; esac
    case $line in *"(xl)"*) xl=$((xl + 1)) ;; esac
done 2>/dev/null
echo stuck_processes $stuck
awk '$1 ~ /^(MemTotal|MemFree|Buffers|Cached|SReclaimable|Shmem):$/ { v[$1] = $2 }
    $1 == "SUnreclaim:" { print "slab_kB", $2 }
    $1 == "nr_foll_pin_acquired" { pinned += $2 }
    $1 == "nr_foll_pin_released" { pinned -= $2 }
    /\[ibfront\]/ { ibfront++ }
    /gntdev/ { gntdev++ }
    END { free = v["MemFree:"] + v["Buffers:"] + v["Cached:"] + v["SReclaimable:"]
          print "memory_kB", v["MemTotal:"] - free + v["Shmem:"]
          print "pinned_pages", pinned + 0
          print "vmalloc_of_ibfront", ibfront + 0
          print "vmalloc_of_gntdev", gntdev + 0 }' /proc/meminfo /proc/vmstat /proc/vmallocinfo
"""

GUEST = KERNEL + r"""
read -r grants </sys/module/ibfront/parameters/grants && echo grants_of_vibs $grants
rdma resource show vib0 | awk '{ for (i = 3; i < NF; i += 2) print "verbs_" $i, $(i + 1) }'
"""

DOM0 = KERNEL + r"""
echo processes_of_xl $xl
for daemon in ibback vibd; do
    read -r pid </run/xen-ib/$daemon.pid
    set -- /proc/$pid/fd/*
    echo ${daemon}_descriptors $#
    set -- /proc/$pid/task/*
    echo ${daemon}_threads $#
    awk -v d=$daemon '$1 == "VmRSS:" { print d "_rss_kB", $2 } /gntdev/ { mapped++ }
        END { print d "_grant_mappings", mapped + 0 }' /proc/$pid/status /proc/$pid/maps
done
xl info | awk '$1 == "total_memory" { all = $3 }
    $1 == "free_memory" { print "xen_used_MB", all - $3 }'
xenstore-ls -f / | awk 'END { print "xenstore_nodes", NR }'
"""

# Guests: slab's partly used pages, per-CPU lists. 50 rounds that each lose the
# pages of one queue (16 KiB) lose 800 kB in all. Xen: a domain of which a page
# stays mapped stays too, with more than a megabyte.
MEMORY = {"slab_kB": 512, "memory_kB": 4096, "ibback_rss_kB": 128, "vibd_rss_kB": 128,
          "xen_used_MB": 2}


def _numbers(said: str) -> Census:
    return {name: int(value) for name, value in
            (line.split() for line in said.splitlines() if len(line.split()) == 2)}


def guest(host: Host, name: str) -> Census:
    """What a guest's kernel holds."""
    return _numbers(host.sh(name, GUEST))


def dom0(host: Host) -> Census:
    """What Dom0's kernel, its daemons and Xen hold."""
    found = _numbers(host.sh("dom0", DOM0))
    said = host.xen_says("ge")
    found.update(grants(said))
    found.update(channels(said))
    return found


def grants(said: str) -> Census:
    """Debug key g: active entries of each domain's grant table, whose frames only grow."""
    return _counted(said, "grants", r"grant-table for remote d(\d+)", r"\[0x[0-9a-f]+\]")


def channels(said: str) -> Census:
    """Debug key e: event channels of each domain that lead to another, or wait for one."""
    unbound_or_interdomain = r": s=[23] "
    return _counted(said, "channels", r"Event channel information for domain (\d+)",
                    unbound_or_interdomain)


def _counted(said: str, what: str, domain: str, entry: str) -> Census:
    """How many entries follow the line of each domain."""
    found: Census = {}
    name = ""
    for line in said.splitlines():
        if owner := re.search(domain, line):
            name = f"{what}_of_d{owner[1]}"
            found[name] = 0
        elif re.search(entry, line):
            found[name] += 1
    return found


def take(host: Host, guests: Sequence[str]) -> Census:
    """Of Dom0 and these guests."""
    found = {f"dom0 {name}": value for name, value in dom0(host).items()}
    for one in guests:
        found.update((f"{one} {name}", value) for name, value in guest(host, one).items())
    return found


def growth(before: Census, now: Census, memory: bool = False) -> list[str]:
    """What there is more of, in words; counts, or memory. Empty when all is well."""
    found = []
    for name, value in now.items():
        what = name.split()[-1]
        if (what in MEMORY) != memory:
            continue
        was = before.get(name, 0)
        if value - was > MEMORY.get(what, 0):
            found.append(f"{name}: {was} before, {value} now")
    return found
