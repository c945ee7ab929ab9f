# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the ABI: its inline functions, and that PROTOCOL.md is true.

CHECK_SCRIPTS += tests/unit/check_protocol_doc.py

UNIT_TESTS += test_slot test_queue test_doorbell test_control_ring
OBJS_test_slot := $(B)/obj/tests/unit/test_slot.o
OBJS_test_queue := $(B)/obj/tests/unit/test_queue.o
OBJS_test_doorbell := $(B)/obj/tests/unit/test_doorbell.o
OBJS_test_control_ring := $(B)/obj/tests/unit/test_control_ring.o
