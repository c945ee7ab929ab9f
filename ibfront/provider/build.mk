# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rdma-core provider. -z defs makes the link fail where libibverbs lacks
# what private_abi34.h needs; a sanitized one could not be loaded by programs
# that are not.

PROVIDER := libibfront-rdmav34.so
CFLAGS_ibfront_provider := -fPIC -fvisibility=hidden

$(B)/lib/$(PROVIDER): $(B)/obj/ibfront/provider/provider.o
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -shared -Wl,-z,defs -Wl,--as-needed -o $@ $^ -libverbs

ifeq ($(SANITIZE),)
ALL += $(B)/lib/$(PROVIDER)
endif

.PHONY: install-provider
INSTALL_DOMU += install-provider
install-provider: $(B)/lib/$(PROVIDER)
	install -Dm644 $< $(DESTDIR)$(LIBDIR)/libibverbs/$(PROVIDER)
	install -Dm644 ibfront/provider/ibfront.driver \
		$(DESTDIR)/etc/libibverbs.d/ibfront.driver
