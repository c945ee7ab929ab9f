# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP between two guests: over IPoIB, and over what Xen has without it."""
