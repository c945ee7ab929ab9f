# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzzers of what a frontend can write.

# The backend without its threads, without an HCA and what talks to xenstore; the clock
# is the world's, and pollers pass while the control thread waits for them.
FUZZ_WORLD := $(addprefix tests/fuzz/,world.c grants.c driver.c commands.c \
	requests.c moves.c setup.c) \
	$(addprefix ibback/control/,connection.c command.c complaints.c fabric.c hca.c hca_command.c hca_fast.c hca_qp_command.c lane.c nodes.c object_command.c pages.c shortage.c vport.c) \
	$(HCA_SRCS) \
	$(filter-out %/poller_thread.c %/clock.c,$(wildcard ibback/engine/*.c)) \
	common/log.c common/xenport/xenport.c $(wildcard common/schema/*.c) $(SCHEMA_TABLE)
FUZZ_WORLD_LIBS = $(LIBS_engine) \
	-Wl,--wrap=urcu_qsbr_synchronize_rcu,--wrap=poller_call,--wrap=stream_threshold \
	-Wl,--wrap=xenport_reserve,--wrap=xenport_unreserve

define world_fuzzer
FUZZERS += $(1)
SRCS_$(1) := tests/fuzz/$(1).c $(FUZZ_WORLD)
CFLAGS_$(1) := -Iibback
LIBS_$(1) = $$(FUZZ_WORLD_LIBS)
endef
$(foreach f,fuzz_control_ring fuzz_wqe fuzz_neighbours,$(eval $(call world_fuzzer,$(f))))

FUZZERS += fuzz_config
SRCS_fuzz_config := tests/fuzz/fuzz_config.c ibback/config.c ibback/control/fabric.c \
	$(wildcard common/schema/*.c) $(SCHEMA_TABLE)
CFLAGS_fuzz_config := -Iibback
LIBS_fuzz_config := -linih

FUZZERS += fuzz_nodes
SRCS_fuzz_nodes := tests/fuzz/fuzz_nodes.c tests/unit/fake_guest.c tests/unit/fake_store.c \
	$(filter-out $(patsubst $(B)/obj/%.o,%.c,$(SUBNETS_OBJS) $(WIRES_OBJS) $(ADMIN_OBJS)), \
		$(wildcard ibback/control/*.c ibback/engine/*.c)) $(HCA_SRCS) \
	common/xenport/xenport.c \
	$(addprefix common/xenport/local/,memstore.c tree.c watchqueue.c) \
	$(wildcard common/schema/*.c) $(SCHEMA_TABLE)
CFLAGS_fuzz_nodes := -Iibback -Itests/unit
LIBS_fuzz_nodes = $(LIBS_engine) -luv -Wl,--wrap=uv_now

FUZZERS += fuzz_ip
SRCS_fuzz_ip := tests/fuzz/fuzz_ip.c ibback/engine/ip.c
CFLAGS_fuzz_ip := -Iibback -Itests/unit
