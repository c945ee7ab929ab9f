// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as what IPoIB has to be summed or cut: what is said to be summed is right,
 * for somebody who sums byte by byte, and nothing but checksums has changed.
 */
#include <stdlib.h>

#include "engine/ip.h"
#include "naive_ip.h"

#define EXPECT(what)             \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

/* Memory of exactly @length bytes. */
static uint8_t *exact(const uint8_t *data, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	EXPECT(copy);
	if (length)
		memcpy(copy, data, length);
	return copy;
}

/* How many bytes differ, beyond the checksums of IPv4 and of @at. */
static size_t changes(const uint8_t *a, const uint8_t *b, size_t length, size_t at)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		if (i / 2 != (AT_IP + 10) / 2 && i / 2 != at / 2)
			count += a[i] != b[i];
	return count;
}

static void check_sums(const uint8_t *packet, const uint8_t *before, size_t length,
		       enum ip_sums sums)
{
	size_t l4 = AT_IP + naive_ip_bytes(packet);
	uint8_t protocol = packet[AT_IP + 9];

	EXPECT(naive_ip_ok(packet));
	if (sums == IP_HEADER_SUM) {
		EXPECT(!changes(packet, before, length, AT_IP + 10));
		return;
	}
	EXPECT(protocol == NAIVE_TCP || protocol == NAIVE_UDP);
	EXPECT(!(of_be16(packet + AT_IP + 6) & 0x3fff));
	EXPECT(naive_l4_ok(packet));
	EXPECT(!changes(packet, before, length, l4 + (protocol == NAIVE_TCP ? 16 : 6)));
}

static void sum(const uint8_t *data, size_t size)
{
	uint8_t *packet = exact(data, size);
	enum ip_sums sums = ip_put_sums(packet, (uint32_t)size);

	if (sums != IP_MALFORMED)
		check_sums(packet, data, size, sums);
	free(packet);
}

/* A packet of @size bytes as number @number, if it begins with a header of @header. */
static void cut(const uint8_t *data, size_t size, uint32_t header, uint8_t number)
{
	uint8_t *copy = exact(data, header), *packet;

	if (ip_is_tcp_header(copy, header)) {
		packet = exact(data, size);
		ip_cut(packet, header, number, number * 7u, (uint32_t)size - header,
		       number & 1);
		EXPECT(ip_put_sums(packet, (uint32_t)size) == IP_ALL_SUMS);
		EXPECT(naive_ip_ok(packet));
		EXPECT(naive_l4_ok(packet));
		EXPECT(AT_IP + of_be16(packet + AT_IP + 2) == size);
		free(packet);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t header;

	if (size < 2 || size > 4096 + 2)
		return 0;
	header = data[0];
	sum(data + 2, size - 2);
	if (header <= size - 2)
		cut(data + 2, size - 2, header, data[1]);
	return 0;
}
