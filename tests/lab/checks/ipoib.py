# SPDX-License-Identifier: GPL-2.0-or-later
"""IPoIB interfaces of guests, set up with stock iproute2."""

from .host import Host

# Of g1, g2, …: 10.78.0.N and fd78::N, of Dom0: 254; a child interface's is another network.
NETWORK, NETWORK6 = "10.78.0", "fd78:"
CHILD_NETWORK = "10.79.0"


def number(where: str) -> str:
    return "254" if where == "dom0" else where[1:]


def address(where: str) -> str:
    return f"{NETWORK}.{number(where)}"


def address6(where: str) -> str:
    return f"{NETWORK6}:{number(where)}"


def interface(host: Host, guest: str, device: str = "vib0") -> str:
    """The interface that ib_ipoib has made of the device; waits for it."""
    place = f"/sys/class/infiniband/{device}/device/net"
    host.sh(guest, "modprobe ib_ipoib")
    host.until(guest, f"test -d {place}")
    return host.sh(guest, f"ls {place} | grep -v '\\.' | head -n 1")


def _set_up(guest: str, name: str, mode: str, mtu: int) -> str:
    """The commands, for an interface that is down."""
    return (f"echo {mode} >/sys/class/net/{name}/mode && "
            f"ip link set {name} {f'mtu {mtu} ' if mtu else ''}up && "
            f"ip addr replace {address(guest)}/24 dev {name} && "
            f"ip addr replace {address6(guest)}/64 dev {name} nodad")


def up(host: Host, guest: str, mode: str = "datagram", mtu: int = 0,
       device: str = "vib0") -> str:
    """The device's interface with the guest's addresses, in that mode and running."""
    name = interface(host, guest, device)
    host.sh(guest, f"ip link set {name} down && {_set_up(guest, name, mode, mtu)}")
    host.until(guest, f"test $(cat /sys/class/net/{name}/carrier) = 1")
    return name


def hotplugged(host: Host, guest: str, mode: str, mtu: int, device: str) -> None:
    """Until the guest's end its interface comes up as by up() whenever it is plugged: what
    allow-hotplug is to ifupdown, said to udev."""
    name = interface(host, guest, device)
    host.sh(guest, f"""cat >/run/ib-up <<'END'
#!/bin/sh
{_set_up(guest, name, mode, mtu)}
END
chmod +x /run/ib-up
mkdir -p /run/udev/rules.d
echo 'ACTION=="add", SUBSYSTEM=="net", KERNEL=="{name}", RUN+="/run/ib-up"' \
    >/run/udev/rules.d/90-ib-up.rules
udevadm control --reload""")


def down(host: Host, guest: str, device: str = "vib0") -> None:
    """Without addresses, and not running; whatever it was."""
    name = interface(host, guest, device)
    host.sh(guest, f"ip addr flush dev {name}; ip link set {name} down; "
            f"echo datagram >/sys/class/net/{name}/mode")
