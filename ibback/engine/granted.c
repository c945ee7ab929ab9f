// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/granted.h"

#include "engine/vhca.h"
#include "xenport/xenport.h"

_Static_assert(sizeof(uintptr_t) == sizeof(uint64_t), "addresses stand for pointers");
/* Each page it is in, and one more where it begins within one. */
_Static_assert(GRANTED_CHUNK / VIB_PAGE_SIZE + 1 <= XENPORT_COPY_MAX, "one call");

uint8_t *granted_reach(const struct vhca *vhca, uint64_t addr, uint64_t length)
{
	uint64_t left = VIB_GRANTED_BASE + VIB_GRANTED_BYTES - addr;

	return vhca->xen && length <= left ? (uint8_t *)(uintptr_t)addr : NULL;
}

static int copy(const struct vhca *vhca, uint64_t addr, uint8_t *local, uint64_t length,
		bool to_guest)
{
	struct xenport_copy parts[XENPORT_COPY_MAX];
	size_t count = 0;

	while (length) {
		uint32_t offset = addr % VIB_PAGE_SIZE, n = VIB_PAGE_SIZE - offset;

		if (n > length)
			n = (uint32_t)length;
		parts[count++] = (struct xenport_copy){
			.ref = (uint32_t)((addr - VIB_GRANTED_BASE) >> VIB_PAGE_SHIFT),
			.offset = (uint16_t)offset,
			.length = (uint16_t)n,
			.local = local,
		};
		addr += n;
		local += n;
		length -= n;
	}
	return xenport_copy(vhca->xen, vhca->domid, parts, count, to_guest);
}

int granted_read(const struct vhca *vhca, const uint8_t *at, uint8_t *to, uint64_t length)
{
	return copy(vhca, (uintptr_t)at, to, length, false);
}

int granted_write(const struct vhca *vhca, uint8_t *at, const uint8_t *from,
		  uint64_t length)
{
	/* Which is only read, in that direction. */
	return copy(vhca, (uintptr_t)at, (uint8_t *)(uintptr_t)from, length, true);
}
