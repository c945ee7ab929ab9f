// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions to ibback, at its socket. */
#include "vibctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ibback answers within seconds, or hangs. */
#define PATIENCE_S 10
/* Some kilobytes for each of the vibs of a host; more is no answer. */
#define ANSWER_MAX (64u << 20)

static int connect_to(const char *path)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* All that comes until the end; NULL and errno. */
static char *receive(int fd, size_t *length)
{
	size_t room = 0, n = 0;
	char *text = NULL, *more;
	ssize_t got;

	do {
		if (n == room) {
			room = room ? 2 * room : 65536;
			more = room > ANSWER_MAX ? NULL : realloc(text, room);
			if (!more) {
				free(text);
				errno = ENOMEM;
				return NULL;
			}
			text = more;
		}
		got = recv(fd, text + n, room - n, 0);
		if (got > 0)
			n += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0) {
		free(text);
		return NULL;
	}
	*length = n;
	return text;
}

/* What ibback answers; NULL after having said why there is nothing. */
static json_t *ask(const char *path, const char *request)
{
	int fd = connect_to(path);
	json_t *answer = NULL;
	size_t length = 0;
	char *text = NULL;

	if (fd < 0) {
		failed("cannot ask ibback at %s: %s%s", path, strerror(errno),
		       errno == ENOENT || errno == ECONNREFUSED
			       ? "; is it running in this domain?"
			       : "");
		return NULL;
	}
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
		text = receive(fd, &length);
	if (!text)
		failed("no answer of ibback at %s: %s", path, strerror(errno));
	else if (!length)
		failed("ibback at %s has too many to answer; try again", path);
	else if (!(answer = json_loadb(text, length, 0, NULL)))
		failed("what listens at %s is not ibback: its answer is no JSON", path);
	free(text);
	close(fd);
	return answer;
}

int ask_reclaim(const char *path, const char *fabric)
{
	json_t *request = json_pack("{s:s, s:s}", "command", "reclaim", "fabric", fabric);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	char line[1024];
	json_t *answer = NULL;
	const char *error;
	int status = 0;

	json_decref(request);
	if (!text || (size_t)snprintf(line, sizeof(line), "%s\n", text) >= sizeof(line)) {
		free(text);
		return failed("'%.64s' is no fabric's name", fabric);
	}
	free(text);
	answer = ask(path, line);
	if (!answer)
		return EXIT_REFUSED;
	error = json_string_value(json_object_get(answer, "error"));
	if (error)
		status = failed("ibback at %s: %s", path, error);
	else if (!json_is_string(json_object_get(answer, "reclaimed")))
		status = failed("ibback at %s: no answer to that", path);
	json_decref(answer);
	return status;
}

json_t *ask_ibback(const char *path, const char *command, const char *member,
		   json_t **array)
{
	char request[128];
	const char *error;
	json_t *answer;

	snprintf(request, sizeof(request), "{\"command\": \"%s\"}\n", command);
	answer = ask(path, request);
	if (!answer)
		return NULL;
	*array = json_object_get(answer, member);
	if (json_is_array(*array))
		return answer;
	error = json_string_value(json_object_get(answer, "error"));
	failed("ibback at %s: %s%s", path, error ? error : "an answer without ",
	       error ? "" : member);
	json_decref(answer);
	return NULL;
}

json_int_t json_int(json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

const char *json_text(json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : "";
}
