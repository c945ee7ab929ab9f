# SPDX-License-Identifier: GPL-2.0-or-later
"""Vport 0: a vib of Dom0's own."""

from .host import Host

# What may be loaded over it, users first.
USERS = "ib_srp ib_iser ib_ipoib rdma_ucm rdma_cm iw_cm ib_cm ib_umad"


def attach(host: Host, words: str = "") -> None:
    """Dom0 has vib0, and its port is active."""
    # The lab's lists of modules know nothing of the project's.
    host.sh("dom0", "m=/lib/modules/$(uname -r)/updates/ibfront.ko; "
            "grep -q ^ibfront /proc/modules || "
            "{ modprobe -a $(modinfo -F depends $m | tr , ' ') && insmod $m; }")
    host.sh("dom0", f"vibctl attach 0 {words}")
    host.port_is("dom0", "ACTIVE")


def detach(host: Host) -> None:
    """All of it, whatever there is; and nothing of the kernel's is left that takes the CM."""
    host.attempt("dom0", "pkill iscsid; vibctl detach 0 0")
    host.attempt("dom0", f"for m in {USERS} ibfront; do modprobe -r $m || rmmod $m; done")
    host.sh("dom0", "! grep -q ^ibfront /proc/modules")
