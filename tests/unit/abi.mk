# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the ABI: its inline functions, and that PROTOCOL.md is true.

CHECK_SCRIPTS += tests/unit/check_protocol_doc.py
