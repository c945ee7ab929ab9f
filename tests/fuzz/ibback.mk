# SPDX-License-Identifier: GPL-2.0-or-later

FUZZERS += fuzz_control_ring
SRCS_fuzz_control_ring := tests/fuzz/fuzz_control_ring.c \
	$(addprefix ibback/control/,connection.c command.c object_command.c pages.c vport.c) \
	$(wildcard ibback/engine/*.c) common/xenport/xenport.c \
	$(wildcard common/schema/*.c) $(B)/gen/vib_schema_table.c
CFLAGS_fuzz_control_ring := -Iibback
LIBS_fuzz_control_ring = $(LIBS_engine)
