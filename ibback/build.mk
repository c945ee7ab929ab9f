# SPDX-License-Identifier: GPL-2.0-or-later

PROGRAMS += ibback
CONTROL_OBJS = $(addprefix $(B)/obj/ibback/control/, \
	backend.o command.o complaints.o connection.o fabric.o frontend.o \
	hca.o hca_command.o hca_fast.o hca_qp_command.o lane.o lifecycle.o nodes.o object_command.o \
	pages.o shortage.o threads.o vib.o vib_attributes.o vib_hca.o vib_mads.o vib_nodes.o \
	vib_serve.o vib_timer.o vport.o worker.o) \
	$(HCA_OBJS)
# Where the control thread meets the GSI.
SUBNETS_OBJS := $(addprefix $(B)/obj/ibback/control/,subnets.o subnet_wire.o)
# Where it meets the wire.
WIRES_OBJS := $(addprefix $(B)/obj/ibback/control/,wires.o wire_hca.o wire_look.o \
	wire_netdev.o wire_subnet.o wire_vports.o)
# The administrator's socket, and what is asked there; needs the GSI, too.
ADMIN_OBJS := $(addprefix $(B)/obj/ibback/control/,admin.o answers.o fabric_json.o stats.o)
LIBS_admin := -ljansson
KEEPER_OBJS := $(addprefix $(B)/obj/ibback/,crash_keeper.o mapped_files.o)
OBJS_ibback = $(B)/obj/ibback/main.o $(B)/obj/ibback/config.o $(B)/obj/ibback/pressure.o \
	$(KEEPER_OBJS) $(CONTROL_OBJS) \
	$(SUBNETS_OBJS) $(WIRES_OBJS) $(ADMIN_OBJS) $(GSI_OBJS) $(WIRE_OBJS) $(ENGINE_OBJS) \
	$(B)/libcommon.a
LIBS_ibback = $(LIBS_common) $(LIBS_engine) $(LIBS_admin) $(LIBS_wire) -luv -linih
CFLAGS_ibback := -Iibback
CFLAGS_ibback_control := -Iibback

INSTALL_DOM0 += install-ibback
.PHONY: install-ibback
install-ibback: $(B)/bin/ibback
	install -D -m 755 $(B)/bin/ibback $(DESTDIR)$(PREFIX)/sbin/ibback
	install -D -m 644 ibback/ibback.conf $(DESTDIR)/etc/xen-ib/ibback.conf
	install -D -m 644 ibback/ibback.service \
		$(DESTDIR)/lib/systemd/system/ibback.service
	install -D -m 644 ibback/ibback.sysctl \
		$(DESTDIR)/usr/lib/sysctl.d/60-xen-ib.conf
	install -D -m 755 ibback/wire/hold-ib_cm $(DESTDIR)/usr/lib/xen-ib/hold-ib_cm
	install -D -m 644 ibback/wire/modprobe.conf $(DESTDIR)/usr/lib/modprobe.d/xen-ib.conf
	install -D -m 644 ibback/man/ibback.8 $(DESTDIR)$(PREFIX)/share/man/man8/ibback.8

MANPAGES += ibback/man/ibback.8
