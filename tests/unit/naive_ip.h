/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 packets behind IPoIB's header, for tests: making them, and checking them as a
 * receiver does who sums byte by byte. Nothing here is shared with what is tested.
 */
#ifndef XEN_IB_TESTS_NAIVE_IP_H
#define XEN_IB_TESTS_NAIVE_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Offsets from the start of a packet with @options bytes of IPv4 options. */
#define AT_IP      4
#define AT_L4      (AT_IP + 20)
#define TCP_BYTES  20
#define UDP_BYTES  8
#define NAIVE_TCP  6
#define NAIVE_UDP  17
#define NAIVE_ICMP 1

static inline void be16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void be32(uint8_t *at, uint32_t value)
{
	be16(at, value >> 16);
	be16(at + 2, value);
}

static inline uint32_t of_be16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static inline uint32_t of_be32(const uint8_t *at)
{
	return of_be16(at) << 16 | of_be16(at + 2);
}

/* The one's complement sum of big-endian words: RFC 1071, word by word. */
static inline uint32_t naive_add(uint32_t sum, const uint8_t *at, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return sum;
}

/* The sum of what TCP or UDP sums, of @length bytes at @l4 of the packet at @ip. */
static inline uint32_t naive_l4_sum(const uint8_t *ip, const uint8_t *l4, uint32_t length)
{
	uint8_t rest[4] = { 0, ip[9], (uint8_t)(length >> 8), (uint8_t)length };
	uint32_t sum = naive_add(0, ip + 12, 8);

	return naive_add(naive_add(sum, rest, 4), l4, length);
}

static inline uint32_t naive_ip_bytes(const uint8_t *packet)
{
	return (packet[AT_IP] & 15) * 4u;
}

/* Are IPv4's checksum and that of its TCP or UDP right? */
static inline bool naive_ip_ok(const uint8_t *packet)
{
	return naive_add(0, packet + AT_IP, naive_ip_bytes(packet)) == 0xffff;
}

static inline bool naive_l4_ok(const uint8_t *packet)
{
	const uint8_t *ip = packet + AT_IP, *l4 = ip + naive_ip_bytes(packet);
	uint32_t length = of_be16(ip + 2) - naive_ip_bytes(packet);

	if (ip[9] == NAIVE_UDP) {
		length = of_be16(l4 + 4);
		if (!of_be16(l4 + 6)) /* says that there is none */
			return false;
	}
	return naive_l4_sum(ip, l4, length) == 0xffff;
}

/*
 * A packet of @protocol with @options bytes of IPv4 options and @bytes behind them, at
 * @packet; its checksums are wrong. Returns its length.
 */
static inline uint32_t naive_packet(uint8_t *packet, uint8_t protocol, uint32_t options,
				    uint32_t bytes)
{
	uint8_t *ip = packet + AT_IP, *l4 = ip + 20 + options;

	memset(packet, 0, AT_L4 + options);
	be16(packet, 0x0800);
	ip[0] = (uint8_t)(0x45 + options / 4);
	be16(ip + 2, 20 + options + bytes);
	be16(ip + 4, 0xfffe); /* identification: soon wraps */
	ip[6] = 0x40;         /* do not fragment */
	ip[8] = 64;
	ip[9] = protocol;
	be16(ip + 10, 0xbad0);
	be32(ip + 12, 0x0a000001);
	be32(ip + 16, 0xc0a8fe02);
	memset(ip + 20, 1, options); /* no operation */
	for (uint32_t i = 0; i < bytes; i++)
		l4[i] = (uint8_t)(i * 7 + 1);
	if (protocol == NAIVE_TCP && bytes >= TCP_BYTES) {
		be32(l4 + 4, 0xffffff00); /* sequence: soon wraps */
		l4[12] = 0x50;
		l4[13] = 0x10; /* ACK */
		be16(l4 + 16, 0xbad1);
	} else if (protocol == NAIVE_UDP && bytes >= UDP_BYTES) {
		be16(l4 + 4, bytes);
		be16(l4 + 6, 0);
	}
	return AT_L4 + options + bytes;
}

#endif
