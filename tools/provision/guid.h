/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GUIDs for vibs whose config gives none: Xen's OUI as a locally administered
 * EUI-64, 06:16:3e, and 40 bits that follow from host, domain name and index,
 * so that a domain keeps its GUIDs over reboots and restarts.
 */
#ifndef XEN_IB_PROVISION_GUID_H
#define XEN_IB_PROVISION_GUID_H

#include <stdint.h>
#include <uuid/uuid.h>

struct guid_host {
	uuid_t id;
};

/* Identify this host by machine-id(5) in @file, or where that holds none by
 * the host's name.
 */
void guid_host_read(struct guid_host *host, const char *file);

/* @what: "node" or "port". @turn: 0, and counted up while the result is taken. */
uint64_t guid_make(const struct guid_host *host, const char *domain, unsigned int index,
		   const char *what, unsigned int turn);

#endif
