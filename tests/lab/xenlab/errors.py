# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's two kinds of failure: the caller's mistake and the lab's."""


class LabError(Exception):
    """Something in the lab failed; the text is the whole report (exit 1)."""

    status = 1


class UsageError(LabError):
    """The caller asked for something that cannot be; says what can (exit 2)."""

    status = 2


class Expired(LabError):
    """What was awaited did not happen in time (exit 1)."""
