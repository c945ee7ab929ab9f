// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/answers.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "control/admin.h"
#include "control/fabric_json.h"
#include "control/stats.h"

static const struct {
	const char *name;
	json_t *(*answer)(const struct admin_source *source);
} commands[] = {
	{ "stats", stats_json },
	{ "fabrics", fabrics_json },
};

static json_t *refusal(const char *why)
{
	return json_pack("{s:s}", "error", why);
}

static json_t *obey(const struct admin_source *source, const char *command)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(command, commands[i].name) == 0)
			return commands[i].answer(source);
	return refusal("the commands are \"stats\" and \"fabrics\"");
}

static json_t *answer(const struct admin_source *source, const char *line, size_t length)
{
	const char *command;
	json_t *request, *result;

	if (length >= ADMIN_REQUEST_MAX)
		return refusal("the request is too long");
	request = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	if (!request || json_unpack(request, "{s:s!}", "command", &command) < 0)
		result = refusal("want {\"command\": \"stats\"} or another command");
	else
		result = obey(source, command);
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
