/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What IPoIB sends in datagrams (RFC 4391 §6): 4 bytes of its own, then an IPv4 packet;
 * as far as it takes to put checksums in, and to cut what TCP sends into packets. All of
 * it works on private copies.
 */
#ifndef XEN_IB_IBBACK_IP_H
#define XEN_IB_IBBACK_IP_H

#include <stdbool.h>
#include <stdint.h>

enum ip_sums {
	IP_MALFORMED,  /* not IPv4, or its lengths are wrong; the packet is undefined */
	IP_HEADER_SUM, /* IPv4's: of a fragment, or of what is neither TCP nor UDP */
	IP_ALL_SUMS,   /* TCP's or UDP's too */
};

/* Put the checksums into @packet, @length bytes from IPoIB's header on. */
enum ip_sums ip_put_sums(uint8_t *packet, uint32_t length);

/* Is @header, of @length bytes, IPoIB's, IPv4's and TCP's, and nothing more? */
bool ip_is_tcp_header(const uint8_t *header, uint32_t length);

/*
 * Make @packet, which begins with such a header of @length bytes, number @number of those
 * that it is cut into: @bytes of data are behind it, @before with earlier ones, and with
 * the @last none follow. Its checksums are yet to be put in.
 */
void ip_cut(uint8_t *packet, uint32_t length, uint32_t number, uint32_t before,
	    uint32_t bytes, bool last);

#endif
