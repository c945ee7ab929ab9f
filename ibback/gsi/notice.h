/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notices (IBTA vol. 1 §13.4.8.2, §14.2.5.1): what subscribers are told. */
#ifndef XEN_IB_IBBACK_GSI_NOTICE_H
#define XEN_IB_IBBACK_GSI_NOTICE_H

#include "gsi/state.h"

#define NOTICE_SIZE 80

/* A notice, and how it is matched. */
struct notice {
	uint8_t type;
	uint32_t producer;
	uint16_t trap;
	uint16_t issuer_lid;
	struct vib_gid issuer_gid;
	uint8_t bytes[NOTICE_SIZE];
};

/* The one in @bytes, which anybody may have written. */
void notice_get(struct notice *n, const uint8_t bytes[NOTICE_SIZE]);

/* Is it of those that the specification lists? */
bool notice_is_generic(const struct notice *n);

/* C15-0.2-1.16: traps of security are for who is trusted, and here there are none. */
bool notice_is_of_security(uint16_t trap);

/* Is it of traps 64 to 67, and which GID is it about? */
bool notice_is_about_a_gid(const struct notice *n);
struct vib_gid notice_subject(const struct notice *n);

/* Does @n say how that is now of which @older says something else? */
bool notice_supersedes(const struct notice *n, const struct notice *older);

/* Traps 64 and 65: @gid of @port came into or went out of service. */
void notice_gid(struct gsi_port *port, uint16_t trap, const struct vib_gid *gid);

/* Traps 66 and 67: a group of partition @pkey came or went, when it is to be told. */
void notice_group(struct gsi *gsi, uint16_t trap, const struct vib_gid *mgid,
		  uint16_t pkey);

/*
 * Trap 144: the CapabilityMask of @port is another; its SM would forward it. A guest can
 * change that as often as it likes, so subscribers are told at once, and then not again
 * for as long as its SubnetTimeOut says (IBTA vol. 1 §14.2.5.6, o14-2): at the end of
 * that time of what the mask is then, if it changed meanwhile, be it to what they know.
 */
void notice_cap_mask(struct gsi_port *port);

/* @port goes: what nobody was told yet nobody is told. */
void notice_purge(struct gsi_port *port);

#endif
