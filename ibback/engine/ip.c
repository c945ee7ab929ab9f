// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ip.h"

#include <endian.h>
#include <string.h>

#define IPOIB_HEADER   4 /* bytes: the type of what follows, and 2 reserved */
#define IPOIB_IPV4     0x0800

/* RFC 791 §3.1: offsets from IPv4's header, and what is there. */
#define IPV4_HEADER    20 /* without options */
#define IPV4_LENGTH    2
#define IPV4_ID        4
#define IPV4_FRAGMENT  6
#define IPV4_FRAGMENTS 0x3fff /* more of them, or not the first */
#define IPV4_PROTOCOL  9
#define IPV4_SUM       10
#define IPV4_ADDRESSES 12 /* two of 4 bytes */

/* RFC 9293 §3.1. */
#define TCP            6
#define TCP_HEADER     20
#define TCP_SEQUENCE   4
#define TCP_OFFSET     12
#define TCP_FLAGS      13
#define TCP_FIN        0x01
#define TCP_PSH        0x08
#define TCP_CWR        0x80
#define TCP_SUM        16

/* RFC 768. */
#define UDP            17
#define UDP_HEADER     8
#define UDP_LENGTH     4
#define UDP_SUM        6

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return be16toh(value);
}

static void put16(uint8_t *at, uint16_t value)
{
	value = htobe16(value);
	memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return be32toh(value);
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htobe32(value);
	memcpy(at, &value, sizeof(value));
}

/* ---- checksums ----------------------------------------------------------- */

/*
 * RFC 1071 §2: sums of words may be taken in the machine's order, and of longer words,
 * which are folded at the end. Here of 32 bits, so that in 64 nothing is carried before
 * there are 2^32 of them.
 */
static uint64_t add(const uint8_t *at, uint32_t length)
{
	typedef uint64_t words __attribute__((vector_size(16)));
	words low = { 0 }, high = { 0 }, w[2];
	uint64_t sum;
	uint32_t rest;

	for (; length >= sizeof(w); at += sizeof(w), length -= sizeof(w)) {
		memcpy(w, at, sizeof(w));
		low += w[0] & 0xffffffff;
		high += w[0] >> 32;
		low += w[1] & 0xffffffff;
		high += w[1] >> 32;
	}
	sum = low[0] + low[1] + high[0] + high[1];
	for (; length >= sizeof(rest); at += sizeof(rest), length -= sizeof(rest)) {
		memcpy(&rest, at, sizeof(rest));
		sum += rest;
	}
	rest = 0;
	memcpy(&rest, at, length);
	return sum + rest;
}

/* The checksum that a sum stands for, in the machine's order as it was taken. */
static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	for (int i = 0; i < 3; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/*
 * Put it at @sum, within the @length bytes at @at. @more: what else is summed. What stood
 * there counts as 0: with its complement it is 0xffff, which is that.
 */
static uint16_t put_sum(const uint8_t *at, uint32_t length, uint8_t *sum, uint64_t more)
{
	uint16_t value;

	memcpy(&value, sum, sizeof(value));
	value = fold(add(at, length) + (uint16_t)~value + more);
	memcpy(sum, &value, sizeof(value));
	return value;
}

/* RFC 9293 §3.1, RFC 768: the addresses, @protocol and @length are summed too. */
static uint64_t pseudo_header(const uint8_t *ip, uint8_t protocol, uint32_t length)
{
	return add(ip + IPV4_ADDRESSES, 8) + htobe16(protocol) +
	       htobe16((uint16_t)length);
}

static bool put_tcp_sum(const uint8_t *ip, uint8_t *tcp, uint32_t length)
{
	if (length < TCP_HEADER)
		return false;
	put_sum(tcp, length, tcp + TCP_SUM, pseudo_header(ip, TCP, length));
	return true;
}

/* UDP has a length of its own. A checksum of 0 would say that there is none. */
static bool put_udp_sum(const uint8_t *ip, uint8_t *udp, uint32_t length)
{
	uint32_t own;

	if (length < UDP_HEADER)
		return false;
	own = get16(udp + UDP_LENGTH);
	if (own < UDP_HEADER || own > length)
		return false;
	if (!put_sum(udp, own, udp + UDP_SUM, pseudo_header(ip, UDP, own)))
		put16(udp + UDP_SUM, 0xffff);
	return true;
}

/* ---- packets ------------------------------------------------------------- */

/* Bytes of the IPv4 header in @packet; 0 if it is none, or not all there. */
static uint32_t ipv4_header(const uint8_t *packet, uint32_t length)
{
	const uint8_t *ip = packet + IPOIB_HEADER;
	uint32_t header;

	if (length < IPOIB_HEADER + IPV4_HEADER || get16(packet) != IPOIB_IPV4 ||
	    ip[0] >> 4 != 4)
		return 0;
	header = (ip[0] & 15) * 4;
	return header >= IPV4_HEADER && header <= length - IPOIB_HEADER ? header : 0;
}

static bool is_fragment(const uint8_t *ip)
{
	return get16(ip + IPV4_FRAGMENT) & IPV4_FRAGMENTS;
}

enum ip_sums ip_put_sums(uint8_t *packet, uint32_t length)
{
	uint32_t header = ipv4_header(packet, length), total;
	uint8_t *ip = packet + IPOIB_HEADER;
	bool ok;

	if (!header)
		return IP_MALFORMED;
	total = get16(ip + IPV4_LENGTH);
	if (total < header || total > length - IPOIB_HEADER)
		return IP_MALFORMED;
	put_sum(ip, header, ip + IPV4_SUM, 0);
	if (is_fragment(ip))
		return IP_HEADER_SUM;
	if (ip[IPV4_PROTOCOL] == TCP)
		ok = put_tcp_sum(ip, ip + header, total - header);
	else if (ip[IPV4_PROTOCOL] == UDP)
		ok = put_udp_sum(ip, ip + header, total - header);
	else
		return IP_HEADER_SUM;
	return ok ? IP_ALL_SUMS : IP_MALFORMED;
}

bool ip_is_tcp_header(const uint8_t *header, uint32_t length)
{
	const uint8_t *ip = header + IPOIB_HEADER;
	uint32_t tcp = ipv4_header(header, length), bytes;

	if (!tcp || is_fragment(ip) || ip[IPV4_PROTOCOL] != TCP ||
	    length < IPOIB_HEADER + tcp + TCP_HEADER)
		return false;
	bytes = (ip[tcp + TCP_OFFSET] >> 4) * 4u;
	return bytes >= TCP_HEADER && length == IPOIB_HEADER + tcp + bytes;
}

void ip_cut(uint8_t *packet, uint32_t length, uint32_t number, uint32_t before,
	    uint32_t bytes, bool last)
{
	uint8_t *ip = packet + IPOIB_HEADER;
	uint8_t *tcp = ip + (ip[0] & 15) * 4;

	put16(ip + IPV4_LENGTH, (uint16_t)(length - IPOIB_HEADER + bytes));
	put16(ip + IPV4_ID, (uint16_t)(get16(ip + IPV4_ID) + number));
	put32(tcp + TCP_SEQUENCE, get32(tcp + TCP_SEQUENCE) + before);
	if (number)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
}
