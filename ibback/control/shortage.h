/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest could not be given, as a line for the administrator: what was asked,
 * what there is, and which setting would have to be what. Arithmetic and words, and
 * nothing else.
 */
#ifndef XEN_IB_IBBACK_SHORTAGE_H
#define XEN_IB_IBBACK_SHORTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shortage_kind {
	SHORT_OF_GRANTS,   /* pages are not to be mapped */
	SHORT_OF_MAPPINGS, /* the process' mappings are used up */
	SHORT_OF_CHANNELS, /* an event channel is not to be bound */
	SHORT_OF_QUOTA,    /* max_mem */
	SHORT_OF_PREREG,   /* what its kernel may lend */
	SHORT_OF_WIRE,     /* memory for its QPs at an HCA */
	SHORT_OF_FLUSHES,  /* an HCA does not let a QP fail */
};

struct shortage {
	enum shortage_kind kind;
	int error;          /* errno of GRANTS, CHANNELS and FLUSHES */
	uint32_t pages;     /* that were asked for */
	uint64_t mapped;    /* pages that ibback has of all guests */
	bool maptrack;      /* they are mapped by Xen, which has a table of them */
	uint32_t map_count; /* the vm.max_map_count that would do */
	/* GRANTS: references that are known to be bad; 0 of them: it is not known */
	uint32_t bad;
	uint32_t first_bad;
	uint32_t list; /* of the list page at which it failed, which may be bad; or 0 */
	/* MAPPINGS: that there are */
	uint32_t mappings;
	uint32_t all_mappings;
	/* CHANNELS */
	uint32_t channel;
	/* QUOTA */
	uint32_t max_mem; /* MiB */
	uint32_t used;    /* pages */
	/* PREREG: pages, and those that are lent already */
	uint32_t max_lent;
	uint32_t lent;
	/* WIRE and FLUSHES: the HCA; bytes that it has there, that one more QP would
	 * take, and that it may have
	 */
	const char *device;
	uint64_t wire_bytes;
	uint64_t wire_more;
	uint64_t max_wire_bytes;
	uint32_t unlogged; /* refusals of the vib before it without a line */
};

/*
 * Frames of Xen's gnttab_max_maptrack_frames that @pages mapped take: a PV Dom0 has two
 * entries a page, the kernel's mapping and the process' (GNTMAP_host_map, and
 * GNTMAP_contains_pte), of 16 bytes. Xen's default is 1024 frames.
 */
uint64_t shortage_maptrack_frames(uint64_t pages);

/* @pages in MiB, rounded up. */
uint64_t shortage_mib(uint64_t pages);

#define SHORTAGE_TEXT_MAX 512

/* The line, without the guest's name; cut to @size. */
void shortage_text(const struct shortage *s, char *text, size_t size);

#endif
