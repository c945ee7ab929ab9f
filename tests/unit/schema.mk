# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the schema, the config text and the provisioning tools.

UNIT_TESTS += test_schema_types test_schema_check test_vibconf test_records \
	test_xlsource test_provision test_keeper test_vibctl
CFLAGS_tests_unit += -Itools

test_obj = $(addprefix $(B)/obj/tests/unit/,$(1))

OBJS_test_schema_types := $(call test_obj,test_schema_types.o)
OBJS_test_schema_check := $(call test_obj,test_schema_check.o)
OBJS_test_vibconf := $(call test_obj,test_vibconf.o)
OBJS_test_records = $(call test_obj,test_records.o tempdir.o) $(PROVISION_OBJS)
LIBS_test_records = $(LIBS_provision)
OBJS_test_xlsource = $(call test_obj,test_xlsource.o tempdir.o fake_proc.o) $(PROVISION_OBJS)
LIBS_test_xlsource = $(LIBS_provision)
OBJS_test_provision = $(call test_obj,test_provision.o tempdir.o fake_store.o) $(PROVISION_OBJS)
LIBS_test_provision = $(LIBS_provision)
OBJS_test_keeper = $(call test_obj,test_keeper.o tempdir.o fake_proc.o fake_store.o) \
	$(PROVISION_OBJS) $(VIBD_OBJS)
LIBS_test_keeper = $(LIBS_provision)
OBJS_test_vibctl = $(call test_obj,test_vibctl.o tempdir.o fake_store.o) \
	$(PROVISION_OBJS) $(VIBCTL_OBJS)
LIBS_test_vibctl = $(LIBS_provision) $(LIBS_common)
CHECK_SCRIPTS += tests/unit/check_schema_errors.py tests/unit/check_vibctl_usage.sh \
	tests/unit/check_vib_garbage.py tests/unit/check_vibctl_reclaim.py \
	tests/unit/check_vibctl_fabric.py tests/unit/check_block_scripts.py
