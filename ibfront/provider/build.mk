# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rdma-core provider. -z defs makes the link fail where libibverbs lacks
# what private_abi34.h needs; a sanitized one could not be loaded by programs
# that are not.

PROVIDER := libibfront-rdmav34.so
CFLAGS_ibfront_provider := -fPIC -fvisibility=hidden

# What a test can have without libibverbs and a kernel, and the rest.
PROVIDER_PATH_OBJS := $(addprefix $(B)/obj/ibfront/provider/,backlog.o cq_ex.o cq_members.o flush.o poll.o \
	purge.o qp_ex.o qp_reset.o recv.o send.o)
PROVIDER_OBJS := $(PROVIDER_PATH_OBJS) $(addprefix $(B)/obj/ibfront/provider/,ah.o context.o cq.o \
	cq_resize.o dm.o dm_query.o memory.o mr.o pd.o provider.o qp.o srq.o wake.o xrc.o)

$(B)/lib/$(PROVIDER): $(PROVIDER_OBJS)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -shared -Wl,-z,defs -Wl,--as-needed -o $@ $^ -libverbs

ifeq ($(SANITIZE),)
ALL += $(B)/lib/$(PROVIDER)
endif

.PHONY: install-provider
INSTALL_DOMU += install-provider
INSTALL_DOM0 += install-provider
install-provider: $(B)/lib/$(PROVIDER)
	install -Dm644 $< $(DESTDIR)$(LIBDIR)/libibverbs/$(PROVIDER)
	install -Dm644 ibfront/provider/ibfront.driver \
		$(DESTDIR)/etc/libibverbs.d/ibfront.driver
