// SPDX-License-Identifier: GPL-2.0-or-later
#include "provision/guid.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Not 02: ib_srpt serves at its HCA's node GUID as service ID, and the CM keeps those
 * that begin so for itself (IBTA vol. 1 annex A3).
 */
#define GUID_PREFIX 0x06163e

/* machine-id(5): a UUID's 32 digits without its dashes. */
static int parse_machine_id(const char *text, uuid_t id)
{
	for (unsigned int i = 0; i < sizeof(uuid_t); i++) {
		unsigned int byte;

		if (strspn(text + 2 * i, "0123456789abcdef") < 2 ||
		    sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -1;
		id[i] = (unsigned char)byte;
	}
	return uuid_is_null(id) ? -1 : 0;
}

void guid_host_read(struct guid_host *host, const char *file)
{
	char text[64] = "";
	FILE *f = fopen(file, "re");
	int known = -1;

	if (f) {
		if (fgets(text, sizeof(text), f))
			known = parse_machine_id(text, host->id);
		fclose(f);
	}
	if (known < 0) {
		char name[256] = "";
		uuid_t none;

		uuid_clear(none);
		gethostname(name, sizeof(name) - 1);
		uuid_generate_sha1(host->id, none, name, strlen(name));
	}
}

uint64_t guid_make(const struct guid_host *host, const char *domain, unsigned int index,
		   const char *what, unsigned int turn)
{
	uint64_t guid = GUID_PREFIX;
	char name[256];
	uuid_t hash;

	snprintf(name, sizeof(name), "%.128s/%u/%.8s/%u", domain, index, what, turn);
	uuid_generate_sha1(hash, host->id, name, strlen(name));
	/* The first five bytes: version and variant come later. */
	for (unsigned int i = 0; i < 5; i++)
		guid = guid << 8 | hash[i];
	return guid;
}
