# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of xen-ib on the lab's real Xen."""
