/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests to the kernel's routing netlink: a network device's state and its IPv6
 * addresses. The kernel does what it is asked within the sending system call, under a
 * lock that others hold for as long as they like: so each of these sleeps, and is for a
 * worker. A socket is used by one thread at a time.
 */
#ifndef XEN_IB_IBBACK_WIRE_RTNL_H
#define XEN_IB_IBBACK_WIRE_RTNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who made an address (IFA_PROTO), as routes have it: ours. The kernel's own are 1 to 3.
 */
#define RTNL_PROTO_IBBACK  118
/* Of every address of ours: a GID's subnet prefix is 64 bits. */
#define RTNL_PREFIX_LENGTH 64

struct rtnl;

struct rtnl_address {
	uint8_t raw[16];
	uint8_t proto; /* who made it; 0: it was not said */
};

/* NULL and errno. */
struct rtnl *rtnl_open(void);
/* NULL is harmless. */
void rtnl_close(struct rtnl *rtnl);

/* The index of network device @name. -1 and errno: ENODEV if there is none. */
int rtnl_find(struct rtnl *rtnl, const char *name);

/* The IPv6 addresses of device @index, an array to be freed. -1 and errno. */
int rtnl_list_addresses(struct rtnl *rtnl, int index, struct rtnl_address **list,
			size_t *count);

/*
 * Put @raw on device @index as ours: usable at once (there is no detection of
 * duplicates), and deprecated, so that this host never chooses it by itself.
 * -1 and errno: EEXIST, EACCES where the device has no IPv6, ENODEV.
 */
int rtnl_add_address(struct rtnl *rtnl, int index, const uint8_t raw[16]);

/* Take @raw off. -1 and errno: EADDRNOTAVAIL if it is not there. */
int rtnl_remove_address(struct rtnl *rtnl, int index, const uint8_t raw[16]);

#endif
