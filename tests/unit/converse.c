/* SPDX-License-Identifier: Apache-2.0 */
#include "converse.h"
#include "base/buf.h"
#include "base/mem.h"
#include "rpc/json.h"
#include "sys/loop.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define IDLE_TURNS 4

void
converse(struct loop *loop, int fd, const char *text, size_t len, struct buf *out)
{
	for (int idle = 0; idle < IDLE_TURNS;) {
		char chunk[4096];
		ssize_t sent = len > 0 ? send(fd, text, len, MSG_NOSIGNAL) : 0;
		ssize_t got;

		if (sent < 0 && errno != EAGAIN)
			sent = (ssize_t)len; /* closed on us: the rest is nobody's */
		if (sent > 0) {
			text += sent;
			len -= (size_t)sent;
		}
		loop_turn(loop, false);
		got = recv(fd, chunk, sizeof(chunk), 0);
		if (got > 0)
			buf_add(out, chunk, (size_t)got);
		idle = sent > 0 || got > 0 ? 0 : idle + 1;
	}
}

/* A reply has a result or an error; what else comes is a notification. */
static bool
is_message(const json_t *value)
{
	const char *version = json_string_value(json_object_get(value, "jsonrpc"));

	if (version == NULL || strcmp(version, "2.0") != 0)
		return false;
	if (json_object_get(value, "method") != NULL)
		return json_object_get(value, "id") == NULL;
	return json_object_get(value, "id") != NULL &&
		(json_object_get(value, "result") == NULL) !=
		(json_object_get(value, "error") == NULL);
}

static void
check_message(const json_t *value, converse_message *fn, void *arg)
{
	assert(is_message(value));
	if (fn != NULL)
		fn(arg, value);
}

static void
check_line(const char *line, size_t len, converse_message *fn, void *arg)
{
	AUTO(json) json_t *value = json_parse(line, len, NULL);

	assert(value != NULL);
	if (!json_is_array(value)) {
		check_message(value, fn, arg);
		return;
	}
	assert(json_array_size(value) > 0);
	for (size_t i = 0; i < json_array_size(value); i++)
		check_message(json_array_get(value, i), fn, arg);
}

size_t
converse_check(struct buf *out, converse_message *fn, void *arg)
{
	const char *line = buf_str(out), *end;
	size_t count = 0;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1, count++)
		check_line(line, (size_t)(end - line), fn, arg);
	assert(*line == '\0');
	buf_clear(out);
	return count;
}
