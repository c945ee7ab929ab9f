# SPDX-License-Identifier: GPL-2.0-or-later

FUZZERS += fuzz_control_ring
SRCS_fuzz_control_ring := tests/fuzz/fuzz_control_ring.c ibback/control/connection.c \
	ibback/control/command.c ibback/control/vport.c common/xenport/xenport.c \
	$(wildcard common/schema/*.c) $(B)/gen/vib_schema_table.c
CFLAGS_fuzz_control_ring := -Iibback
