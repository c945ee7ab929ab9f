# SPDX-License-Identifier: GPL-2.0-or-later

FUZZERS += fuzz_vibconf
SRCS_fuzz_vibconf := tests/fuzz/fuzz_vibconf.c $(wildcard common/schema/*.c) \
	common/vibconf/vibconf.c $(SCHEMA_TABLE)
