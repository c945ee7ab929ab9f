# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Xen with real Debian guests inside QEMU, for the project's tests."""
