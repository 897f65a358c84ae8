/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ec2sim is sent: a line for each of the Authorization and X-Amz-Date headers and the
 * target, the rest is the body. Nobody is let in whose key is not known, whatever the
 * signature looks like; parameters are refused with an error of EC2's, or sorted and whole.
 *
 * Parser: src/sim/params.c src/sim/sigv4.c
 */
#include "fuzz.h"

#include "base/mem.h"
#include "sim/error.h"
#include "sim/params.h"
#include "sim/keys.h"
#include "sim/sigv4.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#define NOW_MS 1769854500000 /* 2026-01-31T10:15:00Z, as in the corpus */

struct headers {
	char *authorization, *date;
};

static const char *
header(void *arg, const char *name)
{
	const struct headers *h = arg;

	if (strcasecmp(name, "authorization") == 0)
		return h->authorization;
	if (strcasecmp(name, "x-amz-date") == 0)
		return h->date;
	if (strcasecmp(name, "host") == 0)
		return "127.0.0.1:5000";
	if (strcasecmp(name, "content-type") == 0)
		return "application/x-www-form-urlencoded; charset=utf-8";
	return NULL;
}

/* Cuts the next line off; an empty rest has only empty lines. */
static char *
next_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (end == NULL) {
		*rest = line + strlen(line);
	} else {
		*end = '\0';
		*rest = end + 1;
	}
	return line;
}

static void
check_signature(const struct sim_http *http)
{
	struct sim_keys *keys = sim_keys_new();
	struct sim_identity identity = {.key_id = ""};
	struct sim_error error = {0};

	sim_keys_add(keys, "AKIANOBODY", "a secret that no input knows", NULL);
	assert(sim_sigv4_verify(keys, http, NOW_MS, &identity, &error) == -1);
	assert(identity.key_id[0] == '\0');
	sim_keys_free(keys);

	keys = sim_keys_new();
	if (sim_sigv4_verify(keys, http, NOW_MS, &identity, &error) == 0)
		assert(identity.key_id[0] != '\0' && identity.service[0] != '\0');
	sim_keys_free(keys);
}

static void
check_params(const char *text, size_t len)
{
	struct sim_params params = {0};
	struct sim_error error = {0};

	if (sim_params_parse(text, len, &params, &error) < 0)
		return;
	for (size_t i = 1; i < params.count; i++)
		assert(strcmp(params.items[i - 1].name, params.items[i].name) < 0);
	for (size_t i = 0; i < params.count; i++)
		assert(sim_params_get(&params, params.items[i].name) ==
			params.items[i].value);
	sim_params_fini(&params);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup((const char *)data, size);
	char *rest = text;
	struct headers headers = {next_line(&rest), next_line(&rest)};
	struct sim_http http = {.method = "POST", .header = header, .arg = &headers};

	http.target = next_line(&rest);
	http.body = rest;
	http.body_len = strlen(rest);
	check_signature(&http);
	check_params((const char *)data, size);
	check_params(rest, http.body_len);
	return 0;
}
