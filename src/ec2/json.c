/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two objects of AWS's JSON 1.1 protocol.
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
 */
#include "ec2/json.h"

#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <string.h>

/* NULL where there is no such string, or an empty one. */
static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* "aws#CODE", "CODE:http://..." and plain CODE are all in use. */
static char *
bare_code(const char *type)
{
	const char *hash = strchr(type, '#');

	if (hash != NULL)
		type = hash + 1;
	return xstrndup(type, strcspn(type, ":"));
}

int
ec2_json_error(const char *body, size_t len, struct err *ret)
{
	json_t *root = json_loadb(body, len, 0, NULL);
	const char *type = text_of(root, "__type");
	const char *message = text_of(root, "message");
	AUTO(free) char *code = type != NULL ? bare_code(type) : NULL;

	if (message == NULL)
		message = text_of(root, "Message");
	if (code != NULL && code[0] != '\0')
		err_origin(ret, code, message, NULL);
	json_decref(root);
	return code != NULL && code[0] != '\0' ? 0 : -1;
}

int
ec2_json_parameter(const char *body, size_t len, char **ret_value, struct err *err)
{
	json_error_t why;
	json_t *root = json_loadb(body, len, 0, &why);
	const char *value = text_of(json_object_get(root, "Parameter"), "Value");
	int rc = 0;

	if (root == NULL)
		rc = err_set(err, ERR_PARSE, "JSON, line %d: %s", why.line, why.text);
	else if (value == NULL)
		rc = err_set(err, ERR_PARSE, "no value of a parameter in it");
	else
		*ret_value = xstrdup(value);
	json_decref(root);
	return rc;
}
