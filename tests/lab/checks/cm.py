# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of librdmacm in two guests: a server, and a client that connects to it."""

import shlex

from . import ipoib
from .host import Host
from .lab_check import GUESTS

SERVER, CLIENT = GUESTS
THERE = ipoib.address(SERVER)


def listens(port: int) -> str:
    """A condition: somebody listens for connections of the CM there."""
    return f"rdma resource show cm_id | grep -q 'state LISTEN.*:{port}'"


def both(host: Host, server: str, client: str, condition: str, timeout: float = 90,
         ends: bool = True) -> str:
    """What the client says, which starts once the condition holds where the server is.

    A server that ends has to do it well; others are ended.
    """
    said = "/tmp/cm-server"
    begun = host.start(SERVER, f"exec timeout {timeout:.0f} {server} >{said} 2>&1", timeout + 30)
    try:
        host.until(SERVER, condition)
        output = host.sh(CLIENT, f"timeout {timeout:.0f} {client} 2>&1", timeout + 30)
        if ends and begun.wait(timeout):
            raise AssertionError(f"{server}: exit status {begun.returncode}: "
                                 + host.sh(SERVER, f"cat {said}"))
        return output
    finally:
        host.attempt(SERVER, f"pkill -f {shlex.quote(server.split()[0])}", 20)
        begun.communicate()


def multicast(host: Host) -> None:
    """mckey: one sends ten messages to a group that the other joins for them."""
    group = "239.9.9.9"
    server = host.start(SERVER, f"timeout 60 mckey -m {group} -b {THERE} -C 10", 90)
    # rdma_cm has a signature of its own for IPv4's groups, 4001.
    host.until(SERVER, "saquery -m 2>/dev/null | grep -q 'ff12:4001:ffff::f09:909'")
    host.sh(CLIENT, f"timeout 60 mckey -m {group} -b {ipoib.address(CLIENT)} -s -C 10", 90)
    said = server.communicate()[0]
    if server.returncode:
        raise AssertionError(f"mckey: exit status {server.returncode}: {said}")
