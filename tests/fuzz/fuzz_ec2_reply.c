/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC2's replies, of any bytes: refused as unreadable with nothing touched, or instances that
 * all have a well-formed id.
 */
#include "fuzz.h"

#include "base/err.h"
#include "base/mem.h"
#include "ec2/reply.h"

#include <assert.h>
#include <string.h>

typedef int parse_fn(const char *body, size_t len, struct ec2_instances *ret,
	struct err *err);

static void
check_instances(parse_fn *parse, const char *body, size_t len)
{
	struct ec2_instances list = {0};
	struct err err = {0};

	if (parse(body, len, &list, &err) < 0) {
		assert(err.code == ERR_PARSE && err.text[0] != '\0');
		assert(list.items == NULL && list.count == 0);
		return;
	}
	assert(list.count <= EC2_INSTANCES_MAX);
	for (size_t i = 0; i < list.count; i++)
		assert(ec2_instance_id_check(list.items[i].id) == 0);
	assert(list.next_token == NULL || list.next_token[0] != '\0');
	ec2_instances_fini(&list);
}

static void
check_console(const char *body, size_t len)
{
	AUTO(free) char *output = NULL;
	struct err err = {0};
	size_t output_len = 0;
	int64_t at = 0;

	if (ec2_parse_console(body, len, &output, &output_len, &at, &err) == 0)
		assert(output != NULL && output[output_len] == '\0');
	else
		assert(err.code == ERR_PARSE && output == NULL);
}

static void
check_error(const char *body, size_t len)
{
	struct err err = {0};

	if (ec2_parse_error(body, len, &err) == 0)
		assert(err.origin[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;

	check_instances(ec2_parse_run, body, size);
	check_instances(ec2_parse_describe, body, size);
	check_instances(ec2_parse_terminate, body, size);
	check_console(body, size);
	check_error(body, size);
	return 0;
}
