# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of what is ibback's on the wire, with a libibumad of their own.

CHECK_SCRIPTS += tests/unit/check_hold_ib_cm.sh

UNIT_TESTS += test_umad
OBJS_test_umad = $(addprefix $(B)/obj/tests/unit/,test_umad.o fake_umad.o) $(UMAD_OBJS)
LIBS_test_umad = $(LIBS_common) -luv -lpthread -Wl,--wrap=log_line,--wrap=access

UNIT_TESTS += test_subnet_wire
OBJS_test_subnet_wire = $(addprefix $(B)/obj/tests/unit/,test_subnet_wire.o two_gsis.o \
	two_gsis_sa.o fake_umad.o) $(TWO_GUESTS_OBJS) $(SUBNETS_OBJS) $(UMAD_OBJS) $(GSI_OBJS)
LIBS_test_subnet_wire = $(LIBS_test_stalls)
