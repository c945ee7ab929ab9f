# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests as a cluster for MPI: ssh from the first to the others, a program in all of them, and
its start by the mpirun of Open MPI or MPICH."""

from pathlib import Path
from typing import Sequence

from .host import Host

BUILD = Path(__file__).resolve().parents[3] / "build" / "bin"
RANKS = 2  # on each machine, which has one processor
KEY = "/root/.ssh/id_ed25519"
OPENMPI, MPICH = "openmpi", "mpich"


def program(flavour: str) -> str:
    """Linked with one of them: their ABIs differ."""
    return f"/tmp/mpi_check.{flavour}"


def join(host: Host, guests: Sequence[str]) -> None:
    """The first guest may log in to all by ssh, and all have mpi_check."""
    first = guests[0]
    key = host.sh(first, f"test -e {KEY} || ssh-keygen -q -t ed25519 -N '' -f {KEY}; cat {KEY}.pub")
    for guest in guests:
        file = "/root/.ssh/authorized_keys"
        host.sh(guest, f"grep -qxF '{key}' {file} || echo '{key}' >>{file}")
        for flavour in (OPENMPI, MPICH):
            host.lab("cp", str(BUILD / f"mpi_check.{flavour}"), f"{guest}:{program(flavour)}")
    host.sh(first, f"ssh-keyscan -t ed25519 {' '.join(guests)} >/root/.ssh/known_hosts 2>/dev/null && "
            f"test $(wc -l </root/.ssh/known_hosts) = {len(guests)}")


def mpirun(flavour: str, guests: Sequence[str], checks: Sequence[str],
           environment: dict[str, str]) -> str:
    """The command line, for the first guest.

    Debian's openmpi-mca-params.conf excludes UCX: who has InfiniBand names it. MPICH knows
    nothing else.
    """
    ranks = RANKS * len(guests)
    if flavour == OPENMPI:
        words = ["mpirun.openmpi --allow-run-as-root", f"--host {','.join(guests)}", f"-np {ranks}",
                 f"--map-by ppr:{RANKS}:node:oversubscribe", "--mca pml ucx --mca osc ucx"]
        words += [f"-x {name}={value}" for name, value in environment.items()]
    else:
        words = [f"mpirun.mpich -hosts {','.join(guests)}", f"-ppn {RANKS} -n {ranks}"]
        words += [f"-genv {name} {value}" for name, value in environment.items()]
    return " ".join([*words, program(flavour), *checks])


def end(host: Host, guests: Sequence[str]) -> None:
    """What a run that failed has left."""
    for guest in guests:
        host.attempt(guest, "pkill mpirun; pkill mpi_check; pkill -x orted; pkill hydra_pmi", 20)
