// SPDX-License-Identifier: GPL-2.0-or-later
/* The parsers of the schema's types. */
#include "schema/schema.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

enum {
	NAME_LENGTH_MAX = 31,
	DOMAIN_LENGTH_MAX = 127,
	TEXT_LENGTH_MAX = 511,
	PATH_LENGTH_MAX = 255,
};

/* <ctype.h> depends on the locale; xenstore's text does not. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int refuse(const char **why, const char *text)
{
	if (why)
		*why = text;
	errno = EINVAL;
	return -1;
}

/* Take decimal digits from *@text, which comes to stand behind them. */
static int take_decimal(const char **text, uint64_t *value, const char **why)
{
	if (!is_digit(**text))
		return refuse(why, **text ? "it is not a number" : "it is empty");
	for (*value = 0; is_digit(**text); ++*text)
		if (__builtin_mul_overflow(*value, 10u, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(**text - '0'), value))
			return refuse(why, "it is too large");
	return 0;
}

/* Take 1 to @max hexadecimal digits from @text. Returns how many there were. */
static size_t take_hex(const char *text, size_t max, uint64_t *value)
{
	size_t n;

	*value = 0;
	for (n = 0; n < max && hex_digit(text[n]) >= 0; n++)
		*value = *value << 4 | (uint64_t)hex_digit(text[n]);
	return n;
}

static int take_number(const char *text, uint64_t *value, const char **why)
{
	if (text[0] == '0' && text[1] == 'x') {
		size_t n = take_hex(text + 2, 16, value);

		if (n == 16 && hex_digit(text[18]) >= 0)
			return refuse(why, "it is too large");
		return n && !text[2 + n] ? 0 : refuse(why, "it is not a number");
	}

	if (take_decimal(&text, value, why) < 0)
		return -1;
	return *text ? refuse(why, "it is not a number") : 0;
}

static int check_bounds(uint64_t value, uint64_t min, uint64_t max, const char **why)
{
	if (value < min)
		return refuse(why, "it is too small");
	if (value > max)
		return refuse(why, "it is too large");
	return 0;
}

int schema_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value,
		      const char **why)
{
	if (take_number(text, value, why) < 0)
		return -1;
	return check_bounds(*value, min, max, why);
}

struct unit {
	char name;
	uint64_t size;
};

#define UNITS 3

/* A decimal number with or without one of @units, of which @what is. */
static int parse_amount(const char *text, const struct unit units[UNITS], uint64_t *value,
			const char *what, const char **why)
{
	if (take_decimal(&text, value, why) < 0)
		return -1;
	for (size_t i = 0; i < UNITS; i++)
		if (*text == units[i].name) {
			if (__builtin_mul_overflow(*value, units[i].size, value))
				return refuse(why, "it is too large");
			text++;
			break;
		}
	return *text ? refuse(why, what) : 0;
}

int schema_parse_rate(const char *text, uint64_t min, uint64_t max, uint64_t *rate,
		      const char **why)
{
	static const struct unit units[UNITS] = { { 'k', 1000 },
						  { 'M', 1000000 },
						  { 'G', 1000000000 } };

	if (parse_amount(text, units, rate, "it is not a rate", why) < 0)
		return -1;
	return *rate ? check_bounds(*rate, min, max, why) : 0;
}

int schema_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *size,
		      const char **why)
{
	static const struct unit units[UNITS] = { { 'K', 1u << 10 },
						  { 'M', 1u << 20 },
						  { 'G', 1u << 30 } };

	if (strcmp(text, "all") == 0) {
		*size = SCHEMA_SIZE_ALL;
		return 0;
	}
	if (parse_amount(text, units, size, "it is not a size", why) < 0)
		return -1;
	return *size ? check_bounds(*size, min, max, why) : 0;
}

int schema_parse_bool(const char *text, bool *value, const char **why)
{
	if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
		return refuse(why, "it is neither");
	*value = text[0] == '1';
	return 0;
}

/* The two spellings of a GUID: 0x0002c90300001234 and 0002:c903:0000:1234. */
static bool take_guid(const char *text, uint64_t *guid)
{
	if (text[0] == '0' && text[1] == 'x')
		return take_hex(text + 2, 16, guid) == 16 && !text[18];

	*guid = 0;
	for (unsigned int group = 0; group < 4; group++, text += 5) {
		uint64_t part;

		if (take_hex(text, 4, &part) != 4 || text[4] != (group < 3 ? ':' : '\0'))
			return false;
		*guid = *guid << 16 | part;
	}
	return true;
}

int schema_parse_guid(const char *text, uint64_t *guid, const char **why)
{
	if (!take_guid(text, guid))
		return refuse(why, "it is not an EUI-64");
	if (*guid == 0)
		return refuse(why, "it is zero");
	if (*guid == UINT64_MAX)
		return refuse(why, "it is all ones");
	if (*guid >> 56 & 1)
		return refuse(why, "it is a group address");
	return 0;
}

int schema_parse_session(const char *text, uint64_t *session, const char **why)
{
	if (take_hex(text, 16, session) != 16 || text[16])
		return refuse(why, "it is not 16 digits");
	return 0;
}

int schema_parse_pkeys(const char *text, uint16_t *pkeys, size_t max, const char **why)
{
	size_t count = 0;

	for (;; text++) {
		uint64_t pkey;
		size_t n;

		if (text[0] != '0' || text[1] != 'x')
			return refuse(why, "an entry does not start with 0x");
		n = take_hex(text + 2, 4, &pkey);
		text += 2 + n;
		if (!n || (*text && *text != '/'))
			return refuse(why, "an entry is not 1 to 4 digits after 0x");
		if (!(pkey & 0x7fff))
			return refuse(why, "the low 15 bits of an entry are zero");
		if (count == max)
			return refuse(why, "there are too many entries");
		for (size_t i = 0; i < count; i++)
			if (pkeys[i] == pkey)
				return refuse(why, "an entry is there twice");
		pkeys[count++] = (uint16_t)pkey;
		if (!*text)
			return (int)count;
	}
}

int schema_parse_gids(const char *text, uint8_t (*gids)[16], size_t max, const char **why)
{
	static const uint8_t zero[16];
	size_t count = 0;

	for (;;) {
		size_t length = strcspn(text, "/");
		char one[INET6_ADDRSTRLEN];

		if (length >= sizeof(one))
			return refuse(why, "an entry is not a GID");
		if (count == max)
			return refuse(why, "there are too many entries");
		memcpy(one, text, length);
		one[length] = '\0';
		if (inet_pton(AF_INET6, one, gids[count]) != 1)
			return refuse(why, "an entry is not a GID");
		if (gids[count][0] == 0xff)
			return refuse(why, "an entry is a multicast GID");
		if (!memcmp(gids[count], zero, sizeof(zero)))
			return refuse(why, "an entry is zero");
		for (size_t i = 0; i < count; i++)
			if (!memcmp(gids[i], gids[count], 16))
				return refuse(why, "an entry is there twice");
		count++;
		if (!text[length])
			return (int)count;
		text += length + 1;
	}
}

int schema_parse_enum(const char *text, const char *const *allowed, const char **why)
{
	for (int i = 0; allowed[i]; i++)
		if (!strcmp(text, allowed[i]))
			return i;
	return refuse(why, "it is none of them");
}

int schema_parse_name(const char *text, const char **why)
{
	size_t n = strnlen(text, NAME_LENGTH_MAX + 1);

	if (n == 0)
		return refuse(why, "it is empty");
	if (n > NAME_LENGTH_MAX)
		return refuse(why, "it is too long");
	if (*text == '.' || *text == '-')
		return refuse(why, "it starts with '.' or '-'");
	for (; *text; text++)
		if (!is_alnum(*text) && !strchr("._-", *text))
			return refuse(why, "it has another character in it");
	return 0;
}

int schema_parse_domain(const char *text, const char **why)
{
	size_t n = strnlen(text, DOMAIN_LENGTH_MAX + 1);

	if (n == 0)
		return refuse(why, "it is empty");
	if (n > DOMAIN_LENGTH_MAX)
		return refuse(why, "it is too long");
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || *text == '/')
			return refuse(why, "no domain's name has such a character");
	return 0;
}

int schema_parse_path(const char *text, const char **why)
{
	if (strnlen(text, PATH_LENGTH_MAX + 1) > PATH_LENGTH_MAX)
		return refuse(why, "it is too long");
	if (*text != '/')
		return refuse(why, "it does not start with '/'");
	for (; *text; text++) {
		if (*text == '/' && (text[1] == '/' || !text[1]))
			return refuse(why, "a part of it is empty");
		if (!is_alnum(*text) && !strchr("/@_-", *text))
			return refuse(why, "no path has such a character");
	}
	return 0;
}

int schema_parse_text(const char *text, const char **why)
{
	if (strnlen(text, TEXT_LENGTH_MAX + 1) > TEXT_LENGTH_MAX)
		return refuse(why, "it is too long");
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return refuse(why, "a character of it cannot be printed");
	return 0;
}
