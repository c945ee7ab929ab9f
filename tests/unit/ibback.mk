# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of ibback.

UNIT_TESTS += test_lifecycle test_command test_fabric test_throttle test_vport
OBJS_test_lifecycle := $(B)/obj/tests/unit/test_lifecycle.o $(B)/obj/ibback/control/lifecycle.o
OBJS_test_command = $(B)/obj/tests/unit/test_command.o $(CONTROL_OBJS) $(ENGINE_OBJS)
LIBS_test_command = $(LIBS_common) $(LIBS_engine) -luv
OBJS_test_fabric := $(addprefix $(B)/obj/,tests/unit/test_fabric.o ibback/control/fabric.o)
OBJS_test_vport = $(addprefix $(B)/obj/tests/unit/,test_vport.o fake_store.o) \
	$(CONTROL_OBJS) $(ENGINE_OBJS) $(B)/libcommon.a
LIBS_test_vport = $(LIBS_common) $(LIBS_engine) -luv
OBJS_test_throttle := $(B)/obj/tests/unit/test_throttle.o
CFLAGS_tests_unit += -Iibback

UNIT_TESTS += test_backend
OBJS_test_backend = $(addprefix $(B)/obj/tests/unit/,test_backend.o fake_guest.o \
	fake_store.o) $(CONTROL_OBJS) $(ENGINE_OBJS)
LIBS_test_backend = $(LIBS_common) $(LIBS_engine) -luv

UNIT_TESTS += test_worker
OBJS_test_worker := $(addprefix $(B)/obj/,tests/unit/test_worker.o ibback/control/worker.o)
LIBS_test_worker := -luv

UNIT_TESTS += test_threads
OBJS_test_threads := $(addprefix $(B)/obj/,tests/unit/test_threads.o ibback/control/threads.o \
	ibback/control/lane.o)
LIBS_test_threads := -luv -lpthread -Wl,--wrap=pthread_create,--wrap=pthread_cond_timedwait

TWO_GUESTS_OBJS = $(addprefix $(B)/obj/tests/unit/,two_guests.o fake_guest.o fake_store.o) \
	$(CONTROL_OBJS) $(ENGINE_OBJS)
UNIT_TESTS += test_stalls test_departures test_kernel_commands
OBJS_test_stalls = $(B)/obj/tests/unit/test_stalls.o $(TWO_GUESTS_OBJS)
OBJS_test_departures = $(B)/obj/tests/unit/test_departures.o $(TWO_GUESTS_OBJS)
LIBS_test_stalls = $(LIBS_common) $(LIBS_engine) -luv -Wl,--wrap=clock_ns
LIBS_test_departures = $(LIBS_test_stalls)
OBJS_test_kernel_commands = $(addprefix $(B)/obj/tests/unit/,test_kernel_commands.o two_gsis.o) \
	$(TWO_GUESTS_OBJS)
LIBS_test_kernel_commands = $(LIBS_test_stalls)

UNIT_TESTS += test_subnets
OBJS_test_subnets = $(addprefix $(B)/obj/tests/unit/,test_subnets.o two_gsis.o \
	two_gsis_sa.o) \
	$(TWO_GUESTS_OBJS) $(SUBNETS_OBJS) $(UMAD_OBJS) $(GSI_OBJS)
LIBS_test_subnets = $(LIBS_test_stalls) $(LIBS_umad)

UNIT_TESTS += test_refusals
OBJS_test_refusals = $(B)/obj/tests/unit/test_refusals.o $(CONTROL_OBJS) $(ENGINE_OBJS)
LIBS_test_refusals = $(LIBS_common) $(LIBS_engine) -luv \
	-Wl,--wrap=clock_ns,--wrap=log_line

# With an HCA in memory for libibverbs.
WIRE_TESTS := test_wire_ah test_wire_atomic test_wire_fast test_wire_fast_chain \
	test_wire_fast_ended test_wire_guest test_wire_mr test_wire_rc test_wire_rc_states test_wire_srq test_wire_ud
UNIT_TESTS += $(WIRE_TESTS)
define wire_test
OBJS_$(1) = $$(addprefix $$(B)/obj/tests/unit/,$(1).o wire_rig.o fake_verbs.o fake_hca.o fake_mw.o) \
	$$(TWO_GUESTS_OBJS)
LIBS_$(1) = $$(LIBS_test_stalls)
endef
$(foreach t,$(WIRE_TESTS),$(eval $(call wire_test,$(t))))
OBJS_test_wire_ah += $(B)/obj/tests/unit/wire_ud_pair.o
OBJS_test_wire_guest += $(B)/obj/tests/unit/wire_ud_pair.o
OBJS_test_wire_ud += $(B)/obj/tests/unit/wire_ud_pair.o
OBJS_test_wire_fast += $(B)/obj/tests/unit/wire_fast_rig.o
OBJS_test_wire_fast_chain += $(B)/obj/tests/unit/wire_fast_rig.o
OBJS_test_wire_fast_ended += $(B)/obj/tests/unit/wire_fast_rig.o
OBJS_test_wire_rc += $(B)/obj/tests/unit/wire_pair.o
OBJS_test_wire_rc_states += $(B)/obj/tests/unit/wire_pair.o
LIBS_test_wire_srq += -Wl,--wrap=pthread_spin_lock

CHECK_SCRIPTS += tests/unit/check_ibback_conf.sh

UNIT_TESTS += test_admin_socket
OBJS_test_admin_socket := $(addprefix $(B)/obj/,tests/unit/test_admin_socket.o \
	tests/unit/tempdir.o ibback/control/admin.o)
LIBS_test_admin_socket := -luv

UNIT_TESTS += test_pressure
OBJS_test_pressure := $(addprefix $(B)/obj/,tests/unit/test_pressure.o tests/unit/tempdir.o \
	ibback/pressure.o)
LIBS_test_pressure := -Wl,--wrap=mlockall,--wrap=prctl,--wrap=log_line

UNIT_TESTS += test_mapped_files
OBJS_test_mapped_files := $(addprefix $(B)/obj/,tests/unit/test_mapped_files.o \
	tests/unit/tempdir.o ibback/mapped_files.o)

UNIT_TESTS += test_segments
OBJS_test_segments := $(addprefix $(B)/obj/,tests/unit/test_segments.o tests/unit/tempdir.o \
	ibback/wire/segments.o)

# The kernel's network, in a namespace of the test's own.
NETDEV_OBJS := $(addprefix $(B)/obj/,tests/unit/netns.o ibback/control/worker.o \
	tests/unit/tempdir.o $(addprefix ibback/wire/,addresses.o groups6.o leftovers.o netdev.o \
	rtnl.o))
UNIT_TESTS += test_netdev test_wires test_wires_roce
OBJS_test_netdev := $(B)/obj/tests/unit/test_netdev.o $(NETDEV_OBJS)
LIBS_test_netdev := -luv -lmnl
define wires_test
OBJS_$(1) := $$(addprefix $$(B)/obj/,tests/unit/$(1).o tests/unit/wires_world.o \
	ibback/control/fabric.o) $$(WIRES_OBJS) $$(NETDEV_OBJS)
LIBS_$(1) := -luv -lmnl
endef
$(foreach t,test_wires test_wires_roce,$(eval $(call wires_test,$(t))))
