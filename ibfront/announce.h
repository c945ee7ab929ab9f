/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * IPoIB interfaces over HCAs of @driver announce their IP addresses when they get carrier:
 * gratuitous ARP, and unsolicited neighbour advertisements (RFC 4861 §7.2.6).
 */
#ifndef IBFRONT_ANNOUNCE_H
#define IBFRONT_ANNOUNCE_H

struct device_driver;

/* Returns 0 or an errno. */
int vib_announce_init(const struct device_driver *driver);
void vib_announce_exit(void);

#endif
