# SPDX-License-Identifier: GPL-2.0-or-later

UNIT_TESTS += test_qp_state
OBJS_test_qp_state := $(addprefix $(B)/obj/,tests/unit/test_qp_state.o \
	ibback/engine/qp_state.o)
