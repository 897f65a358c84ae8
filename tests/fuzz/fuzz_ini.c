/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS's credential and config files, of any bytes: refused by the line's number and without
 * its text, which may be a secret, or pairs that are all there.
 *
 * Parser: src/ec2/ini.c
 */
#include "fuzz.h"

#include "base/err.h"
#include "ec2/ini.h"

#include <assert.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ini ini = {0};
	struct err err = {0};

	if (ini_parse((const char *)data, size, &ini, &err) < 0) {
		assert(err.code == ERR_PARSE && strstr(err.text, "line") != NULL);
		return 0;
	}
	for (size_t i = 0; i < ini.count; i++) {
		assert(ini.pairs[i].section != NULL);
		assert(ini.pairs[i].key != NULL && ini.pairs[i].value != NULL);
	}
	ini_fini(&ini);
	return 0;
}
