/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs what it reads. A line is one request: method, host, path, query, content type,
 * target, body, region, service, wall clock in ms, key id, secret, session token; in hex,
 * a blank between them, "-" for what is not there. It answers with a line: date, a blank,
 * Authorization. One cache serves all lines.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "ec2/sigv4.h"

#include <stdio.h>
#include <string.h>

enum {
	METHOD,
	HOST,
	PATH,
	QUERY,
	CONTENT_TYPE,
	TARGET,
	BODY,
	REGION,
	SERVICE,
	WALL_MS,
	KEY_ID,
	SECRET,
	TOKEN,
	FIELDS
};

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* In place; NULL for "-" and for what is no hex. */
static char *
unhex(char *text)
{
	char *to = text;

	if (strcmp(text, "-") == 0)
		return NULL;
	for (const char *from = text; from[0] != '\0'; from += 2) {
		int high = digit(from[0]), low = digit(from[1]);

		if (high < 0 || low < 0)
			return NULL;
		*to++ = (char)(high * 16 + low);
	}
	*to = '\0';
	return text;
}

static int
split(char *line, char *fields[static FIELDS])
{
	char *rest = NULL;

	for (int i = 0; i < FIELDS; i++) {
		char *word = strtok_r(i == 0 ? line : NULL, " \n", &rest);

		if (word == NULL)
			return -1;
		fields[i] = unhex(word);
	}
	return 0;
}

static void
sign(char *const fields[static FIELDS], struct sigv4_cache *cache)
{
	const struct sigv4_request r = {
		.method = fields[METHOD],
		.host = fields[HOST],
		.path = fields[PATH],
		.query = fields[QUERY] != NULL ? fields[QUERY] : "",
		.content_type = fields[CONTENT_TYPE],
		.target = fields[TARGET],
		.body = fields[BODY],
		.body_len = fields[BODY] != NULL ? strlen(fields[BODY]) : 0,
		.region = fields[REGION],
		.service = fields[SERVICE],
		.wall_ms = strtoll(fields[WALL_MS], NULL, 10),
	};
	const struct sigv4_keys keys = {fields[KEY_ID], fields[SECRET], fields[TOKEN]};
	AUTO(buf) struct buf authorization = {0};
	char date[SIGV4_DATE_SIZE];

	sigv4_sign(&r, &keys, cache, date, &authorization);
	(void)printf("%s %s\n", date, buf_str(&authorization));
}

int
main(void)
{
	struct sigv4_cache cache = {0};
	char *line = NULL, *fields[FIELDS];
	size_t size = 0;
	int rc = 0;

	while (getline(&line, &size, stdin) > 0 && rc == 0) {
		if (split(line, fields) < 0)
			rc = 2;
		else
			sign(fields, &cache);
	}
	free(line);
	sigv4_cache_fini(&cache);
	return rc;
}
