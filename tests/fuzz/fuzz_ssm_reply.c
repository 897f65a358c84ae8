/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSM's replies, of any bytes: a value that is not empty, or refused with nothing touched;
 * an error with a code, or none.
 *
 * Parser: src/ec2/json.c
 */
#include "fuzz.h"

#include "base/err.h"
#include "ec2/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	struct err err = {.code = ERR_NONE}, said = {.text = "kept"};
	char *value = NULL;

	if (ec2_json_parameter(body, size, &value, &err) == 0) {
		assert(value[0] != '\0' && err.code == ERR_NONE);
		free(value);
	} else {
		assert(value == NULL && err.code == ERR_PARSE && err.text[0] != '\0');
	}
	if (ec2_json_error(body, size, &said) == 0)
		assert(said.origin[0] != '\0');
	else
		assert(said.origin[0] == '\0' && said.origin_text[0] == '\0');
	assert(strcmp(said.text, "kept") == 0);
	return 0;
}
