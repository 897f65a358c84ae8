/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which element fills which member, as tables of paths. An answer is gathered while the
 * document is read and given away only when it was well-formed to its end.
 */
#include "ec2/reply.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sys/crypto.h"
#include "sys/xml.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* code: instanceState/code, of which only the low byte means something. */
static const struct {
	const char *name;
	long code;
} states[EC2_STATE_COUNT] = {
	[EC2_STATE_UNKNOWN] = {"unknown", -1},
	[EC2_STATE_PENDING] = {"pending", 0},
	[EC2_STATE_RUNNING] = {"running", 16},
	[EC2_STATE_STOPPING] = {"stopping", 64},
	[EC2_STATE_STOPPED] = {"stopped", 80},
	[EC2_STATE_SHUTTING_DOWN] = {"shutting-down", 32},
	[EC2_STATE_TERMINATED] = {"terminated", 48},
};

struct reader;
typedef void take_fn(struct reader *r, const char *text);

/* A leaf below an item: into the string member at offset, or by take. */
struct leaf {
	const char *path;
	take_fn *take;
	size_t offset;
};

struct shape {
	const char *root;
	const char *item;          /* path of one instance */
	const struct leaf *leaves; /* ends with a NULL path */
	bool nonempty;             /* an answer without an instance is none */
};

struct reader {
	const struct shape *shape;
	struct ec2_instances list;
	struct ec2_instance *item; /* the one being read, in list, or NULL */
	long code;                 /* its state's code, or -1 */
	char *key, *value;         /* of the tag being read */
	const char *refused;       /* what is wrong with it all, or NULL */
};

const char *
ec2_state_name(enum ec2_state state)
{
	return states[state].name;
}

enum ec2_state
ec2_state_find(const char *name)
{
	for (int i = EC2_STATE_UNKNOWN + 1; i < EC2_STATE_COUNT; i++)
		if (strcmp(states[i].name, name) == 0)
			return (enum ec2_state)i;
	return EC2_STATE_UNKNOWN;
}

static enum ec2_state
state_of_code(long code)
{
	for (int i = EC2_STATE_UNKNOWN + 1; code >= 0 && i < EC2_STATE_COUNT; i++)
		if (states[i].code == (code & 0xff))
			return (enum ec2_state)i;
	return EC2_STATE_UNKNOWN;
}

int
ec2_instance_id_check(const char *id)
{
	size_t digits;

	if (strncmp(id, "i-", 2) != 0)
		return -1;
	digits = strspn(id + 2, "0123456789abcdef");
	return id[2 + digits] == '\0' && digits >= 8 && digits <= 17 ? 0 : -1;
}

/* A whole number, or -1 when it is none. */
static int64_t
parse_number(const char *text)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || n < 0)
		return -1;
	return n;
}

static void
set_string(char **member, const char *text)
{
	free(*member);
	*member = text[0] != '\0' ? xstrdup(text) : NULL;
}

static void
take_id(struct reader *r, const char *text)
{
	if (r->item->id != NULL)
		r->refused = "an instance has two ids";
	else if (ec2_instance_id_check(text) < 0)
		r->refused = "an instance id is malformed";
	else
		r->item->id = xstrdup(text);
}

static void
take_state_name(struct reader *r, const char *text)
{
	r->item->state = ec2_state_find(text);
}

static void
take_state_code(struct reader *r, const char *text)
{
	r->code = (long)parse_number(text);
}

/* An unreadable time is no time. */
static void
take_launched(struct reader *r, const char *text)
{
	if (clock_parse(text, &r->item->launched_at) < 0)
		r->item->launched_at = 0;
}

static void
take_tag_key(struct reader *r, const char *text)
{
	set_string(&r->key, text);
}

static void
take_tag_value(struct reader *r, const char *text)
{
	set_string(&r->value, text);
}

static void
take_generation(struct reader *r, const char *text)
{
	int64_t n = parse_number(text);

	r->item->generation = n < 0 ? 0 : n;
}

static void
take_epoch(struct reader *r, const char *text)
{
	int64_t n = parse_number(text);

	r->item->epoch = n < 0 ? 0 : n;
}

#define INTO(member) offsetof(struct ec2_instance, member)

static const struct leaf tags[] = {
	{.path = "ec2workerd:pool", .offset = INTO(pool)},
	{.path = "ec2workerd:worker", .offset = INTO(worker)},
	{.path = "ec2workerd:launch", .offset = INTO(launch)},
	{.path = "ec2workerd:lineage", .offset = INTO(lineage)},
	{.path = "ec2workerd:generation", .take = take_generation},
	{.path = "ec2workerd:epoch", .take = take_epoch},
	{.path = NULL},
};

static void
take_leaf(struct reader *r, const struct leaf *leaves, const char *path,
	const char *text)
{
	for (const struct leaf *leaf = leaves; leaf->path != NULL; leaf++) {
		if (strcmp(leaf->path, path) != 0)
			continue;
		if (leaf->take != NULL)
			leaf->take(r, text);
		else
			set_string((char **)(void *)((char *)r->item + leaf->offset),
				text);
		return;
	}
}

/* A tag is whole: key and value come in any order. */
static void
take_tag(struct reader *r, const char *text)
{
	(void)text;
	if (r->key != NULL)
		take_leaf(r, tags, r->key, r->value != NULL ? r->value : "");
	set_string(&r->key, "");
	set_string(&r->value, "");
}

static const struct leaf instance_leaves[] = {
	{.path = "instanceId", .take = take_id},
	{.path = "instanceState/name", .take = take_state_name},
	{.path = "instanceState/code", .take = take_state_code},
	{.path = "clientToken", .offset = INTO(token)},
	{.path = "instanceType", .offset = INTO(type)},
	{.path = "imageId", .offset = INTO(image)},
	{.path = "placement/availabilityZone", .offset = INTO(zone)},
	{.path = "instanceLifecycle", .offset = INTO(market)},
	{.path = "privateIpAddress", .offset = INTO(private_ip)},
	{.path = "ipAddress", .offset = INTO(public_ip)},
	{.path = "dnsName", .offset = INTO(public_dns)},
	{.path = "launchTime", .take = take_launched},
	{.path = "stateReason/code", .offset = INTO(reason_code)},
	{.path = "stateReason/message", .offset = INTO(reason_text)},
	{.path = "tagSet/item/key", .take = take_tag_key},
	{.path = "tagSet/item/value", .take = take_tag_value},
	{.path = "tagSet/item", .take = take_tag},
	{.path = NULL},
};

static const struct leaf change_leaves[] = {
	{.path = "instanceId", .take = take_id},
	{.path = "currentState/name", .take = take_state_name},
	{.path = "currentState/code", .take = take_state_code},
	{.path = NULL},
};

static const struct shape run_shape = {
	.root = "RunInstancesResponse",
	.item = "RunInstancesResponse/instancesSet/item",
	.leaves = instance_leaves,
	.nonempty = true,
};

static const struct shape describe_shape = {
	.root = "DescribeInstancesResponse",
	.item = "DescribeInstancesResponse/reservationSet/item/instancesSet/item",
	.leaves = instance_leaves,
};

static const struct shape terminate_shape = {
	.root = "TerminateInstancesResponse",
	.item = "TerminateInstancesResponse/instancesSet/item",
	.leaves = change_leaves,
};

/* The path below prefix, or NULL if it does not lie there. */
static const char *
path_below(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(path, prefix, len) == 0 && path[len] == '/' ? path + len + 1
								   : NULL;
}

static void
begin_item(struct reader *r)
{
	struct ec2_instances *list = &r->list;

	if (list->count == EC2_INSTANCES_MAX) {
		r->refused = "too many instances";
		return;
	}
	list->items = xreallocarray(list->items, list->count + 1, sizeof(*list->items));
	r->item = &list->items[list->count++];
	*r->item = (struct ec2_instance){0};
	r->code = -1;
}

static void
end_item(struct reader *r)
{
	if (r->item->id == NULL)
		r->refused = "an instance has no id";
	if (r->item->state == EC2_STATE_UNKNOWN)
		r->item->state = state_of_code(r->code);
	r->item = NULL;
}

static void
on_start(void *arg, const char *path)
{
	struct reader *r = arg;

	if (r->refused != NULL)
		return;
	if (strchr(path, '/') == NULL && strcmp(path, r->shape->root) != 0)
		r->refused = "the root element is not the one of this action";
	else if (strcmp(path, r->shape->item) == 0)
		begin_item(r);
}

static void
on_end(void *arg, const char *path, const char *text)
{
	struct reader *r = arg;
	const char *below;

	if (r->refused != NULL)
		return;
	below = path_below(path, r->shape->item);
	if (below != NULL)
		take_leaf(r, r->shape->leaves, below, text);
	else if (strcmp(path, r->shape->item) == 0)
		end_item(r);
	else if ((below = path_below(path, r->shape->root)) != NULL &&
		strcmp(below, "nextToken") == 0)
		set_string(&r->list.next_token, text);
}

static int
read_whole(struct reader *r, const char *body, size_t len, struct err *err)
{
	static const struct xml_events events = {on_start, on_end};

	if (xml_parse(body, len, &events, r, err) < 0)
		return -1;
	if (r->refused == NULL && r->shape->nonempty && r->list.count == 0)
		r->refused = "there is no instance in it";
	if (r->refused != NULL)
		return err_set(err, ERR_PARSE, "%s: %s", r->shape->root, r->refused);
	return 0;
}

static int
parse_instances(const struct shape *shape, const char *body, size_t len,
	struct ec2_instances *ret, struct err *err)
{
	struct reader r = {.shape = shape};
	int rc = read_whole(&r, body, len, err);

	if (rc == 0)
		*ret = r.list;
	else
		ec2_instances_fini(&r.list);
	free(r.key);
	free(r.value);
	return rc;
}

int
ec2_parse_run(const char *body, size_t len, struct ec2_instances *ret, struct err *err)
{
	return parse_instances(&run_shape, body, len, ret, err);
}

int
ec2_parse_describe(const char *body, size_t len, struct ec2_instances *ret,
	struct err *err)
{
	return parse_instances(&describe_shape, body, len, ret, err);
}

int
ec2_parse_terminate(const char *body, size_t len, struct ec2_instances *ret,
	struct err *err)
{
	return parse_instances(&terminate_shape, body, len, ret, err);
}

/*
 * Documents of a few single leaves: the first occurrence of each path counts. Rows of
 * several paths for one slot are spellings of one thing.
 */
struct single {
	const char *path;
	unsigned slot;
};

#define SLOTS_MAX 3u

struct singles {
	const struct single *rows; /* end with a NULL path */
	char *text[SLOTS_MAX];     /* owned; NULL if there was none */
};

static void
on_single_start(void *arg, const char *path)
{
	(void)arg;
	(void)path;
}

static void
on_single_end(void *arg, const char *path, const char *text)
{
	struct singles *s = arg;

	for (const struct single *row = s->rows; row->path != NULL; row++)
		if (strcmp(row->path, path) == 0 && s->text[row->slot] == NULL)
			s->text[row->slot] = xstrdup(text);
}

static int
singles_parse(struct singles *s, const char *body, size_t len, struct err *err)
{
	static const struct xml_events events = {on_single_start, on_single_end};

	return xml_parse(body, len, &events, s, err);
}

static void
singles_fini(struct singles *s)
{
	for (size_t i = 0; i < SLOTS_MAX; i++)
		free(s->text[i]);
}

enum console_slot { CONSOLE_ID, CONSOLE_TIME, CONSOLE_OUTPUT };

static const struct single console_rows[] = {
	{"GetConsoleOutputResponse/instanceId", CONSOLE_ID},
	{"GetConsoleOutputResponse/timestamp", CONSOLE_TIME},
	{"GetConsoleOutputResponse/output", CONSOLE_OUTPUT},
	{NULL, 0},
};

static int
console_take(const struct singles *s, struct buf *output, int64_t *at, struct err *err)
{
	const char *id = s->text[CONSOLE_ID], *time = s->text[CONSOLE_TIME];
	const char *encoded = s->text[CONSOLE_OUTPUT];

	if (id == NULL || ec2_instance_id_check(id) < 0)
		return err_set(err, ERR_PARSE,
			"GetConsoleOutputResponse: no well-formed instance id");
	if (encoded != NULL &&
		crypto_base64_decode(encoded, strlen(encoded), output) < 0)
		return err_set(err, ERR_PARSE,
			"GetConsoleOutputResponse: the output is not base64");
	if (time == NULL || clock_parse(time, at) < 0)
		*at = 0;
	return 0;
}

int
ec2_parse_console(const char *body, size_t len, char **ret_output, size_t *ret_len,
	int64_t *ret_at, struct err *err)
{
	struct singles s = {.rows = console_rows};
	AUTO(buf) struct buf output = {0};
	int64_t at = 0;
	int rc = singles_parse(&s, body, len, err);

	if (rc == 0)
		rc = console_take(&s, &output, &at, err);
	singles_fini(&s);
	if (rc < 0)
		return -1;
	*ret_len = output.len;
	*ret_output = buf_take(&output);
	*ret_at = at;
	return 0;
}

enum error_slot { ERROR_CODE, ERROR_MESSAGE, ERROR_REQUEST };

static const struct single error_rows[] = {
	{"Response/Errors/Error/Code", ERROR_CODE},
	{"Response/Errors/Error/Message", ERROR_MESSAGE},
	{"Response/RequestID", ERROR_REQUEST},
	{"Response/RequestId", ERROR_REQUEST},
	{"ErrorResponse/Errors/Error/Code", ERROR_CODE},
	{"ErrorResponse/Errors/Error/Message", ERROR_MESSAGE},
	{"ErrorResponse/Error/Code", ERROR_CODE},
	{"ErrorResponse/Error/Message", ERROR_MESSAGE},
	{"ErrorResponse/RequestID", ERROR_REQUEST},
	{"ErrorResponse/RequestId", ERROR_REQUEST},
	{NULL, 0},
};

int
ec2_parse_error(const char *body, size_t len, struct err *ret)
{
	struct singles s = {.rows = error_rows};
	int rc = singles_parse(&s, body, len, NULL);

	if (rc == 0 && (s.text[ERROR_CODE] == NULL || s.text[ERROR_CODE][0] == '\0'))
		rc = -1;
	if (rc == 0)
		err_origin(ret, s.text[ERROR_CODE], s.text[ERROR_MESSAGE],
			s.text[ERROR_REQUEST]);
	singles_fini(&s);
	return rc;
}

void
ec2_instance_fini(struct ec2_instance *i)
{
	char *const owned[] = {i->id, i->token, i->launch, i->worker, i->pool,
		i->lineage, i->type, i->zone, i->market, i->image, i->private_ip,
		i->public_ip, i->public_dns, i->reason_code, i->reason_text};

	for (size_t n = 0; n < COUNT_OF(owned); n++)
		free(owned[n]);
	*i = (struct ec2_instance){0};
}

void
ec2_instances_fini(struct ec2_instances *list)
{
	for (size_t i = 0; i < list->count; i++)
		ec2_instance_fini(&list->items[i]);
	free(list->items);
	free(list->next_token);
	*list = (struct ec2_instances){0};
}
