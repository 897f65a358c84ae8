/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which element fills which member, as tables of paths. An answer is gathered while the
 * document is read and given away only when it was well-formed to its end.
 */
#include "ec2/reply.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "ec2/items.h"
#include "ec2/json.h"
#include "sys/crypto.h"
#include "sys/xml.h"

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
	return items_id_check(id, "i-");
}

static void
take_id(struct item_reader *r, void *item, const char *text)
{
	struct ec2_instance *i = item;

	if (i->id != NULL)
		items_refuse(r, "an instance has two ids");
	else if (ec2_instance_id_check(text) < 0)
		items_refuse(r, "an instance id is malformed");
	else
		i->id = xstrdup(text);
}

static void
take_state_name(struct item_reader *r, void *item, const char *text)
{
	struct ec2_instance *i = item;

	(void)r;
	i->state = ec2_state_find(text);
}

static void
take_state_code(struct item_reader *r, void *item, const char *text)
{
	(void)item;
	r->code = (long)items_number(text);
}

/* An unreadable time is no time. */
static void
take_launched(struct item_reader *r, void *item, const char *text)
{
	struct ec2_instance *i = item;

	(void)r;
	if (clock_parse(text, &i->launched_at) < 0)
		i->launched_at = 0;
}

static void
take_tag_key(struct item_reader *r, void *item, const char *text)
{
	(void)item;
	items_set(&r->key, text);
}

static void
take_tag_value(struct item_reader *r, void *item, const char *text)
{
	(void)item;
	items_set(&r->value, text);
}

static void
take_generation(struct item_reader *r, void *item, const char *text)
{
	struct ec2_instance *i = item;
	int64_t n = items_number(text);

	(void)r;
	i->generation = n < 0 ? 0 : n;
}

static void
take_epoch(struct item_reader *r, void *item, const char *text)
{
	struct ec2_instance *i = item;
	int64_t n = items_number(text);

	(void)r;
	i->epoch = n < 0 ? 0 : n;
}

#define INTO(member) offsetof(struct ec2_instance, member)

static const struct item_leaf tags[] = {
	{.path = "ec2workerd:pool", .offset = INTO(pool)},
	{.path = "ec2workerd:worker", .offset = INTO(worker)},
	{.path = "ec2workerd:launch", .offset = INTO(launch)},
	{.path = "ec2workerd:lineage", .offset = INTO(lineage)},
	{.path = "ec2workerd:lease", .offset = INTO(lease)},
	{.path = "ec2workerd:generation", .take = take_generation},
	{.path = "ec2workerd:epoch", .take = take_epoch},
	{.path = NULL},
};

/* A tag is whole: key and value come in any order. */
static void
take_tag(struct item_reader *r, void *item, const char *text)
{
	(void)item;
	(void)text;
	if (r->key != NULL)
		items_take(r, tags, r->key, r->value != NULL ? r->value : "");
	items_set(&r->key, "");
	items_set(&r->value, "");
}

static const struct item_leaf instance_leaves[] = {
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

static const struct item_leaf change_leaves[] = {
	{.path = "instanceId", .take = take_id},
	{.path = "currentState/name", .take = take_state_name},
	{.path = "currentState/code", .take = take_state_code},
	{.path = NULL},
};

static bool
finish_instance(struct item_reader *r, void *item)
{
	struct ec2_instance *i = item;

	if (i->id == NULL)
		items_refuse(r, "an instance has no id");
	if (i->state == EC2_STATE_UNKNOWN)
		i->state = state_of_code(r->code);
	return true;
}

static void
fini_instance(void *item)
{
	ec2_instance_fini(item);
}

static const struct item_shape run_shape = {
	.root = "RunInstancesResponse",
	.item = "RunInstancesResponse/instancesSet/item",
	.size = sizeof(struct ec2_instance),
	.leaves = instance_leaves,
	.if_empty = "there is no instance in it",
	.finish = finish_instance,
	.fini = fini_instance,
};

const struct item_shape ec2_instances_shape = {
	.root = "DescribeInstancesResponse",
	.item = "DescribeInstancesResponse/reservationSet/item/instancesSet/item",
	.size = sizeof(struct ec2_instance),
	.leaves = instance_leaves,
	.finish = finish_instance,
	.fini = fini_instance,
};

static const struct item_shape terminate_shape = {
	.root = "TerminateInstancesResponse",
	.item = "TerminateInstancesResponse/instancesSet/item",
	.size = sizeof(struct ec2_instance),
	.leaves = change_leaves,
	.finish = finish_instance,
	.fini = fini_instance,
};

static int
parse_instances(const struct item_shape *shape, const char *body, size_t len,
	struct ec2_instances *ret, struct err *err)
{
	struct items list = {0};

	if (items_parse(shape, body, len, &list, err) < 0)
		return -1;
	*ret = (struct ec2_instances){list.array, list.count, list.next_token};
	return 0;
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
	return parse_instances(&ec2_instances_shape, body, len, ret, err);
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

enum change_slot { CHANGE_DONE, CHANGE_VOLUME = CHANGE_DONE, CHANGE_INSTANCE };

static const struct single associate_rows[] = {
	{"AssociateAddressResponse/associationId", CHANGE_DONE},
	{"AssociateAddressResponse/return", CHANGE_DONE},
	{NULL, 0},
};

static const struct single tagged_rows[] = {
	{"CreateTagsResponse/return", CHANGE_DONE},
	{NULL, 0},
};

/* name: of the document, for the message. */
static int
parse_done(const struct single *rows, const char *name, const char *body, size_t len,
	struct err *err)
{
	struct singles s = {.rows = rows};
	int rc = singles_parse(&s, body, len, err);
	const char *said = s.text[CHANGE_DONE];

	if (rc == 0 && (said == NULL || said[0] == '\0' || strcmp(said, "false") == 0))
		rc = err_set(err, ERR_PARSE, "%s: it does not say that it was done",
			name);
	singles_fini(&s);
	return rc;
}

int
ec2_parse_associate(const char *body, size_t len, struct err *err)
{
	return parse_done(associate_rows, "AssociateAddressResponse", body, len, err);
}

int
ec2_parse_tagged(const char *body, size_t len, struct err *err)
{
	return parse_done(tagged_rows, "CreateTagsResponse", body, len, err);
}

static const struct single deleted_rows[] = {
	{"DeleteVolumeResponse/return", CHANGE_DONE},
	{NULL, 0},
};

int
ec2_parse_deleted(const char *body, size_t len, struct err *err)
{
	return parse_done(deleted_rows, "DeleteVolumeResponse", body, len, err);
}

static const struct single cancelled_rows[] = {
	{"CancelSpotInstanceRequestsResponse/spotInstanceRequestSet/item/"
	 "spotInstanceRequestId",
		CHANGE_DONE},
	{NULL, 0},
};

int
ec2_parse_cancelled(const char *body, size_t len, const char *request, struct err *err)
{
	struct singles s = {.rows = cancelled_rows};
	int rc = singles_parse(&s, body, len, err);

	if (rc == 0 && !str_equal(s.text[CHANGE_DONE], request))
		rc = err_set(err, ERR_PARSE,
			"CancelSpotInstanceRequestsResponse: it does not speak of %s",
			request);
	singles_fini(&s);
	return rc;
}

static const struct single attach_rows[] = {
	{"AttachVolumeResponse/volumeId", CHANGE_VOLUME},
	{"AttachVolumeResponse/instanceId", CHANGE_INSTANCE},
	{NULL, 0},
};

int
ec2_parse_attach(const char *body, size_t len, const char *volume, const char *instance,
	struct err *err)
{
	struct singles s = {.rows = attach_rows};
	int rc = singles_parse(&s, body, len, err);

	if (rc == 0 &&
		(!str_equal(s.text[CHANGE_VOLUME], volume) ||
			!str_equal(s.text[CHANGE_INSTANCE], instance)))
		rc = err_set(err, ERR_PARSE,
			"AttachVolumeResponse: it does not speak of %s and %s", volume,
			instance);
	singles_fini(&s);
	return rc;
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
	int rc;

	if (len > 0 && body[0] == '{')
		return ec2_json_error(body, len, ret);
	rc = singles_parse(&s, body, len, NULL);
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
		i->lineage, i->lease, i->type, i->zone, i->market, i->image,
		i->private_ip, i->public_ip, i->public_dns, i->reason_code,
		i->reason_text};

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
