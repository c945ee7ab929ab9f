// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/answers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/admin.h"
#include "control/fabric_json.h"
#include "control/stats.h"
#include "control/subnets.h"
#include "log.h"

static json_t *refusal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static json_t *refusal(const char *fmt, ...)
{
	char why[ADMIN_REQUEST_MAX + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return json_pack("{s:s}", "error", why);
}

/* The subnet of @fabric takes the class that the kernel's ib_cm had. */
static json_t *reclaim(const struct admin_source *source, const char *name)
{
	struct fabric *fabric = fabric_find(source->fabrics, name);

	if (!fabric)
		return refusal(
			"there is no fabric '%s'; 'vibctl fabric list' shows those "
			"there are",
			name);
	if (subnet_wire_reclaim(subnets_wire(fabric)) == 0) {
		log_info("fabric %s: connection management is ibback's, as was asked for",
			 name);
		return json_pack("{s:s}", "reclaimed", name);
	}
	if (errno == ENODEV)
		return refusal("fabric %s has no wire of RoCE now; want one whose HCA is "
			       "there",
			       name);
	if (errno == EBUSY)
		return refusal("another has the class of connection management on %s "
			       "still; want ib_cm, and what uses it, unloaded",
			       fabric->device);
	return refusal("fabric %s: %s", name, strerror(errno));
}

static json_t *obey(const struct admin_source *source, const char *command,
		    const char *fabric)
{
	bool wants_fabric = strcmp(command, "reclaim") == 0;

	if (wants_fabric != (fabric != NULL))
		return refusal("\"fabric\" is %s", wants_fabric ? "missing" : "too much");
	if (wants_fabric)
		return reclaim(source, fabric);
	if (strcmp(command, "stats") == 0)
		return stats_json(source);
	if (strcmp(command, "fabrics") == 0)
		return fabrics_json(source);
	return refusal("the commands are \"stats\", \"fabrics\" and \"reclaim\"");
}

static json_t *answer(const struct admin_source *source, const char *line, size_t length)
{
	const char *command, *fabric = NULL;
	json_t *request, *result;

	if (length >= ADMIN_REQUEST_MAX)
		return refusal("the request is too long");
	request = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	if (!request || json_unpack(request, "{s:s, s?s!}", "command", &command, "fabric",
				    &fabric) < 0)
		result = refusal("want {\"command\": \"stats\"} or another command");
	else
		result = obey(source, command, fabric);
	json_decref(request);
	return result;
}

char *admin_answer_request(void *arg, const char *line, size_t length)
{
	json_t *json = answer(arg, line, length);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL, *whole;
	size_t size;

	json_decref(json);
	if (!text)
		return NULL;
	size = strlen(text);
	whole = realloc(text, size + 2);
	if (!whole) {
		free(text);
		return NULL;
	}
	memcpy(whole + size, "\n", 2);
	return whole;
}
