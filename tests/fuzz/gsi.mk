# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzzers of the GSI: what guests' QP0 and QP1 send, and what comes from the wire.

define gsi_fuzzer
FUZZERS += $(1)
SRCS_$(1) := tests/fuzz/$(1).c tests/fuzz/gsi_guests.c ibback/engine/timer.c \
	$$(wildcard ibback/gsi/*.c)
CFLAGS_$(1) := -Iibback -Itests/unit
endef
$(foreach f,fuzz_gsi fuzz_gsi_mad fuzz_gsi_wire,$(eval $(call gsi_fuzzer,$(f))))
# What comes from the wire comes as libibumad has it.
SRCS_fuzz_gsi_wire += ibback/wire/umad_packet.c
# The administrator of an InfiniBand subnet answers guests of its own.
FUZZERS += fuzz_gsi_sa
SRCS_fuzz_gsi_sa := tests/fuzz/fuzz_gsi_sa.c ibback/engine/timer.c $(wildcard ibback/gsi/*.c)
CFLAGS_fuzz_gsi_sa := -Iibback
