/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What metadata services, agents and STS answer, of any bytes: refused with nothing touched
 * and nothing of a secret told, or keys that can stand in a header.
 *
 * Parser: src/ec2/keyset.c
 */
#include "fuzz.h"

#include "base/err.h"
#include "ec2/keyset.h"

#include <assert.h>
#include <string.h>

static void
check_header_text(const char *text)
{
	assert(text[0] != '\0');
	for (; *text != '\0'; text++)
		assert(*text > 0x20 && *text < 0x7f);
}

static void
check(int rc, struct keyset *keys, const struct err *err)
{
	if (rc < 0) {
		assert(err->text[0] != '\0');
		assert(err->code == ERR_PARSE || err->code == ERR_SERVICE);
		assert(keys->id == NULL && keys->secret.text == NULL);
		return;
	}
	check_header_text(keys->id);
	assert(strpbrk(keys->id, "/,=") == NULL);
	check_header_text(keys->secret.text);
	check_header_text(keys->token.text);
	keyset_fini(keys);
}

static void
check_sts(const char *action, const char *body, size_t len)
{
	struct keyset keys = {0};
	struct err err = {0};

	check(keyset_parse_sts(action, body, len, &keys, &err), &keys, &err);
}

static void
check_json(const char *body, size_t len)
{
	struct keyset keys = {0};
	struct err err = {0};

	check(keyset_parse_json(body, len, &keys, &err), &keys, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;

	check_sts("AssumeRole", body, size);
	check_sts("AssumeRoleWithWebIdentity", body, size);
	check_json(body, size);
	return 0;
}
