/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both forms go through the same checks: what ends up in a header must be able to stand in
 * one. Copies that a parser has made of a secret are wiped as far as they can be reached.
 */
#include "ec2/keyset.h"

#include "base/clock.h"
#include "base/err.h"
#include "sys/xml.h"

#include <stdbool.h>
#include <string.h>

#include <jansson.h>

#define DEPTH_MAX 8u /* such a reply has one level */

/* What a reply says, before anybody has looked at it. All owned. */
struct draft {
	struct secret id, secret, token, expires;
};

/* Where the members stand in both forms. */
static const struct {
	const char *json, *xml;
	size_t offset;
} members[] = {
	{"AccessKeyId", "AccessKeyId", offsetof(struct draft, id)},
	{"SecretAccessKey", "SecretAccessKey", offsetof(struct draft, secret)},
	{"Token", "SessionToken", offsetof(struct draft, token)},
	{"Expiration", "Expiration", offsetof(struct draft, expires)},
};

static struct secret *
member(struct draft *d, size_t i)
{
	return (struct secret *)(void *)((char *)d + members[i].offset);
}

static void
draft_fini(struct draft *d)
{
	for (size_t i = 0; i < COUNT_OF(members); i++)
		secret_fini(member(d, i));
}

/* Printable, without blanks, and neither too long nor with what the header uses itself. */
static bool
is_usable(const char *text, size_t max, const char *without)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f ||
			strchr(without, text[i]) != NULL)
			return false;
	return len > 0 && len <= max;
}

static int
check(const struct draft *d, int64_t *ret_expires, struct err *err)
{
	const char *id = d->id.text, *secret = d->secret.text, *token = d->token.text;

	if (id == NULL || !is_usable(id, 128, "/,="))
		return err_set(err, ERR_PARSE, "no usable AccessKeyId in the answer");
	if (secret == NULL || !is_usable(secret, 1024, ""))
		return err_set(err, ERR_PARSE,
			"no usable SecretAccessKey in the answer");
	/* Whoever hands out keys by request hands out temporary ones. */
	if (token == NULL || !is_usable(token, 16384, ""))
		return err_set(err, ERR_PARSE, "no usable session token in the answer");
	if (d->expires.text != NULL && clock_parse(d->expires.text, ret_expires) < 0)
		return err_set(err, ERR_PARSE, "no usable Expiration in the answer");
	return 0;
}

static int
finish(struct draft *d, struct keyset *ret, struct err *err)
{
	struct keyset keys = {0};
	int rc = check(d, &keys.expires_wall, err);

	if (rc == 0) {
		keys.id = xstrdup(d->id.text);
		secret_move(&keys.secret, &d->secret);
		secret_move(&keys.token, &d->token);
		*ret = keys;
	}
	draft_fini(d);
	return rc;
}

/* jansson builds what is nested, however deep, so the depth is looked at before. */
static bool
is_too_deep(const char *text, size_t len)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '[') && ++depth > DEPTH_MAX)
			return true;
		else if (!in_string && (c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return false;
}

static const char *
text_of(const json_t *root, const char *name)
{
	const char *text = json_string_value(json_object_get(root, name));

	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* What jansson keeps of a string is not wiped when it is freed. */
static void
take_text(const json_t *root, const char *name, struct secret *to)
{
	const json_t *value = json_object_get(root, name);
	const char *text = json_string_value(value);

	if (text == NULL)
		return;
	if (text[0] != '\0')
		secret_set(to, text);
	mem_wipe((void *)(uintptr_t)text, json_string_length(value));
}

/* {"Code": "AssumeRoleUnauthorizedAccess", "Message": ...}; IMDS sends it with a 200. */
static int
check_code(const json_t *root, struct err *err)
{
	const char *code = text_of(root, "Code");
	const char *message = text_of(root, "Message");

	if (code == NULL || strcmp(code, "Success") == 0)
		return 0;
	err_set(err, ERR_SERVICE, "%.80s%s%.200s", code, message != NULL ? ": " : "",
		message != NULL ? message : "");
	err_origin(err, code, message, NULL);
	return -1;
}

int
keyset_parse_json(const char *text, size_t len, struct keyset *ret, struct err *err)
{
	struct draft d = {.id = {NULL}};
	json_error_t why;
	json_t *root;
	int rc;

	if (is_too_deep(text, len))
		return err_set(err, ERR_PARSE, "too many levels of JSON");
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(root)) {
		json_decref(root);
		return err_set(err, ERR_PARSE, "not a JSON object");
	}
	rc = check_code(root, err);
	for (size_t i = 0; i < COUNT_OF(members); i++)
		take_text(root, members[i].json, member(&d, i));
	json_decref(root);
	if (rc == 0)
		return finish(&d, ret, err);
	draft_fini(&d);
	return rc;
}

struct reader {
	char *prefix; /* path of the elements that count, with its slash */
	bool twice;
	bool is_answer; /* the root is that of the action */
	const char *action;
	struct draft draft;
};

static void
on_start(void *arg, const char *path)
{
	struct reader *r = arg;
	size_t len = strlen(r->action);

	if (strchr(path, '/') == NULL)
		r->is_answer = strncmp(path, r->action, len) == 0 &&
			strcmp(path + len, "Response") == 0;
}

static void
on_end(void *arg, const char *path, const char *text)
{
	struct reader *r = arg;
	size_t len = strlen(r->prefix);

	if (strncmp(path, r->prefix, len) != 0)
		return;
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		struct secret *to = member(&r->draft, i);

		if (strcmp(path + len, members[i].xml) != 0 || text[0] == '\0')
			continue;
		r->twice = r->twice || to->text != NULL;
		secret_set(to, text);
	}
}

int
keyset_parse_sts(const char *action, const char *body, size_t len, struct keyset *ret,
	struct err *err)
{
	static const struct xml_events events = {on_start, on_end};
	struct reader r = {.action = action};
	int rc;

	r.prefix = xasprintf("%sResponse/%sResult/Credentials/", action, action);
	rc = xml_parse(body, len, &events, &r, err);
	free(r.prefix);
	if (rc == 0 && !r.is_answer)
		rc = err_set(err, ERR_PARSE, "not an answer to %s", action);
	else if (rc == 0 && r.twice)
		rc = err_set(err, ERR_PARSE, "two sets of keys in the answer");
	else if (rc == 0 && r.draft.expires.text == NULL)
		rc = err_set(err, ERR_PARSE, "no Expiration in the answer");
	if (rc == 0)
		return finish(&r.draft, ret, err);
	draft_fini(&r.draft);
	return rc;
}

void
keyset_move(struct keyset *to, struct keyset *from)
{
	keyset_fini(to);
	*to = *from;
	*from = (struct keyset){0};
}

void
keyset_fini(struct keyset *k)
{
	free(k->id);
	secret_fini(&k->secret);
	secret_fini(&k->token);
	*k = (struct keyset){0};
}
