/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules across keys, as lists of functions over what has been read. They ask the nodes
 * whether a key is given, so that one with a bad value does not count as missing.
 */
#include "conf/conf_row.h"

#include "base/field.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_form.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define TAGS_MAX 50u /* EC2's, of which these are ours: */
#define TAGS_OURS 6u /* pool, worker, generation, launch, lineage, epoch */
#define TAG_KEY_MAX 128u
#define VARS_MAX 256u
#define CHOICES_MAX 20u
#define GRACE_LEAST (INT64_C(5) * 60 * 1000)
#define DEAD_MAN_SHORT_MS (15 * 60 * 1000)

typedef void row_rule(struct conf_row *row, const struct conf_worker *w);

static bool
row_has(const struct conf_row *row, const char *key)
{
	return row_get(row, key) != NULL;
}

static void
check_password(struct conf_row *row, const struct conf_worker *w)
{
	(void)w;
	row_either(row, "password_file", "password", "");
	if (!row_has(row, "password") && !row_has(row, "password_file"))
		row_problem(row, DIAG_ERROR, ROW_KEY, "password",
			"required; a password, the word generated, or password_file instead");
}

static void
check_user_data(struct conf_row *row, const struct conf_worker *w)
{
	(void)w;
	row_either(row, "user_data_file", "user_data", "");
}

/* BUILDBOT.md V3 and V5. */
static void
check_network(struct conf_row *row, const struct conf_worker *w)
{
	(void)w;
	if (!row_has(row, "subnet_id") && !row_has(row, "security_name"))
		row_problem(row, DIAG_ERROR, ROW_KEY, "security_name", "%s%s",
			"required without subnet_id",
			row_has(row, "security_group_ids")
				? "; security_group_ids need subnet_id"
				: "");
	row_either(row, "security_name", "subnet_id",
		"; name the groups in security_group_ids");
}

/* Each is asked for and waited for in turn, so a list is short, and nothing is in it twice. */
static void
check_choices(struct conf_row *row, const char *key, const struct strings *list)
{
	const struct node *given = row_get(row, key);

	if (list->count > CHOICES_MAX)
		row_problem(row, DIAG_ERROR, ROW_VALUE, key, "%zu of them; at most %u",
			list->count, CHOICES_MAX);
	for (size_t n = 0; n < list->count; n++)
		for (size_t m = 0; m < n; m++)
			if (strcmp(list->items[m], list->items[n]) == 0 &&
				given->kind == NODE_LIST && n < given->count)
				row_problem_inside(row, key, given->items[n],
					"is in the list already");
}

static void
check_candidates(struct conf_row *row, const struct conf_worker *w)
{
	check_choices(row, "instance_type", &w->instance_type);
	check_choices(row, "subnet_id", &w->subnet_id);
}

/* BUILDBOT.md V9; and what a factor below 1 does is seldom meant. */
static void
check_prices(struct conf_row *row, const struct conf_worker *w)
{
	if (w->spot_instance && isnan(w->max_spot_price) && isnan(w->price_multiplier))
		row_problem(row, DIAG_ERROR, ROW_KEY, "max_spot_price",
			"null, and so is price_multiplier (line %u): what is to be bid?",
			row_line(row, "price_multiplier"));
	if (w->retry_price_adjustment < 1)
		row_problem(row, DIAG_WARNING, ROW_VALUE, "retry_price_adjustment",
			"below 1: each further request bids less");
	if (w->on_demand_fallback && !w->spot_instance)
		row_problem(row, DIAG_WARNING, ROW_KEY, "on_demand_fallback",
			"without spot_instance all is on demand anyway");
}

/* NULL if a tag may be called so, else why not. */
static const char *
tag_fault(const char *key)
{
	if (key[0] == '\0')
		return "a tag needs a name";
	if (form_length(key) > TAG_KEY_MAX)
		return "the name of a tag has at most 128 characters";
	if (strncasecmp(key, "aws:", 4) == 0)
		return "tags below aws: belong to AWS";
	if (strncasecmp(key, "ec2workerd:", 11) == 0)
		return "tags below ec2workerd: are written by the daemon";
	return NULL;
}

static void
check_tags(struct conf_row *row, const struct conf_worker *w)
{
	const struct node *tags = row_get(row, "tags");
	size_t room = TAGS_MAX - TAGS_OURS - (strmap_get(&w->tags, "Name") == NULL) -
		(w->dead_man != FIELD_NULL); /* the lease */

	for (size_t i = 0; tags != NULL && tags->kind == NODE_MAP && i < tags->count;
		i++) {
		const char *fault = tag_fault(tags->keys[i]->text);

		if (fault != NULL)
			row_problem_inside(row, "tags", tags->keys[i], fault);
	}
	if (w->tags.count > room)
		row_problem(row, DIAG_ERROR, ROW_KEY, "tags",
			"%zu tags; EC2 takes %u on an instance, which leaves %zu beside those of "
			"ec2workerd",
			w->tags.count, TAGS_MAX, room);
}

/* NULL if a variable may be called so, else why not. */
static const char *
var_fault(const char *name)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_-";

	if (name[0] == '\0' || strspn(name, set) != strlen(name))
		return "a variable's name has letters, digits, '_' and '-'";
	return NULL;
}

static void
check_vars(struct conf_row *row, const struct conf_worker *w)
{
	const struct node *vars = row_get(row, "vars");

	for (size_t i = 0; vars != NULL && vars->kind == NODE_MAP && i < vars->count;
		i++) {
		const char *fault = var_fault(vars->keys[i]->text);

		if (fault != NULL)
			row_problem_inside(row, "vars", vars->keys[i], fault);
	}
	if (w->vars.count > VARS_MAX)
		row_problem(row, DIAG_ERROR, ROW_KEY, "vars",
			"%zu variables; at most %u", w->vars.count, VARS_MAX);
}

/* BUILDBOT.md V10, for one level: of the two, the one that stands alone is blamed. */
static void
check_pair(const struct node *map, const char *path, struct diags *ds)
{
	const char *const pair[] = {"identifier", "secret_identifier"};

	for (size_t i = 0; i < 2; i++) {
		const struct node *key = map_key(map, pair[i]);
		AUTO(free) char *full = xasprintf("%s.%s", path, pair[i]);

		if (key != NULL && map_key(map, pair[1 - i]) == NULL)
			diag_add(ds, DIAG_ERROR, key->mark, full, "needs %s beside it",
				pair[1 - i]);
	}
}

static void
check_identifier(struct conf_row *row, const struct conf_worker *w)
{
	(void)w;
	check_pair(row->own, row->path, &row->found);
}

/* The instance reads its user data from there. */
static void
check_metadata(struct conf_row *row, const struct conf_worker *w)
{
	const struct field *endpoint = field_find(&conf_metadata_fields,
		"HttpEndpoint");
	int state = w->metadata_options.http_endpoint;

	if (state >= 0 && strcmp(endpoint->choices[state], "disabled") == 0 &&
		(row_has(row, "user_data") || row_has(row, "user_data_file")))
		row_problem(row, DIAG_WARNING, ROW_KEY, "metadata_options",
			"with HttpEndpoint: disabled the instance cannot read its user data");
}

/* The guard reads a tag from there; all of the instance's must be such as can be shown. */
static void
check_dead_man(struct conf_row *row, const struct conf_worker *w)
{
	static const char shown[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_+=,.@:";
	const struct conf_metadata *m = &w->metadata_options;
	const struct node *tags = row_get(row, "tags");

	if (!row_has(row, "dead_man"))
		return;
	if (w->dead_man != FIELD_NULL && w->dead_man < DEAD_MAN_SHORT_MS)
		row_problem(row, DIAG_WARNING, ROW_VALUE, "dead_man",
			"shorter than many a cause for which a daemon cannot renew it");
	if (m->http_endpoint == CONF_SWITCH_OFF ||
		m->instance_metadata_tags == CONF_SWITCH_OFF)
		row_problem(row, DIAG_ERROR, ROW_KEY, "metadata_options",
			"dead_man needs the metadata service, and it must tell tags");
	for (size_t i = 0; tags != NULL && tags->kind == NODE_MAP && i < tags->count;
		i++)
		if (strspn(tags->keys[i]->text, shown) != strlen(tags->keys[i]->text))
			row_problem_inside(row, "tags", tags->keys[i],
				"with dead_man a tag's name has letters, digits and -_+=,.@:");
}

static row_rule *const row_rules[] = {
	check_password,
	check_user_data,
	check_network,
	check_candidates,
	check_prices,
	check_tags,
	check_vars,
	check_identifier,
	check_devices,
	check_once,
	check_metadata,
	check_dead_man,
};

void
check_row(struct conf_row *row, const struct conf_worker *w)
{
	for (size_t i = 0; i < COUNT_OF(row_rules); i++)
		row_rules[i](row, w);
}

void
check_defaults(struct conf_load *load)
{
	check_pair(load->defaults, "worker_defaults", &load->shared);
}

static void
check_session_token(struct conf_load *load)
{
	const struct node *aws = map_get(load->root, "aws");
	const struct node *key = map_key(aws, "session_token");

	if (key != NULL && map_key(aws, "identifier") == NULL &&
		map_key(aws, "secret_identifier") == NULL)
		diag_add(load->ds, DIAG_ERROR, key->mark, "aws.session_token",
			"needs identifier and secret_identifier beside it");
}

static void
check_role(struct conf_load *load)
{
	const struct node *aws = map_get(load->root, "aws");
	const struct node *key = map_key(aws, "external_id");

	if (key != NULL && map_key(aws, "role_arn") == NULL)
		diag_add(load->ds, DIAG_ERROR, key->mark, "aws.external_id",
			"needs role_arn beside it");
}

static void
check_mail(struct conf_load *load)
{
	const struct node *mail = map_get(load->root, "mail");
	const struct node *url = map_key(mail, "smtp_url");

	if (url != NULL && map_get(mail, "from") == NULL)
		diag_add(load->ds, DIAG_ERROR, mail->mark, "mail.from",
			"required with smtp_url (line %u)", url->mark.line);
}

/* What EC2 has not shown whole yet must not count as an orphan (EC2.md 3). */
static void
check_orphans(struct conf_load *load)
{
	const struct node *grace = map_get(map_get(load->root, "orphans"), "grace");

	if (grace != NULL && load->conf->orphans.grace > 0 &&
		load->conf->orphans.grace < GRACE_LEAST)
		diag_add(load->ds, DIAG_WARNING, grace->mark, "orphans.grace",
			"EC2 may need 5m to show all of a new instance");
}

static void
check_pool_vars(struct conf_load *load)
{
	const struct node *vars = map_get(load->root, "vars");

	if (vars == NULL || vars->kind != NODE_MAP)
		return;
	for (size_t i = 0; i < vars->count; i++) {
		const struct node *key = vars->keys[i];
		AUTO(free) char *full = xasprintf("vars.%s", key->text);
		const char *fault = var_fault(key->text);

		if (fault != NULL)
			diag_add(load->ds, DIAG_ERROR, key->mark, full, "%s", fault);
	}
	if (load->conf->vars.count > VARS_MAX)
		diag_add(load->ds, DIAG_ERROR, vars->mark, "vars",
			"%zu variables; at most %u", load->conf->vars.count, VARS_MAX);
}

static void
check_workers(struct conf_load *load)
{
	const struct node *workers = map_get(load->root, "workers");
	bool none = workers == NULL || node_is_null(workers) ||
		(workers->kind == NODE_MAP && workers->count == 0);

	if (none && load->root->kind == NODE_MAP)
		diag_add(load->ds, DIAG_WARNING,
			workers != NULL ? workers->mark : load->root->mark, "workers",
			"there are none, so there is nothing to start");
}

void
check_conf(struct conf_load *load)
{
	check_pair(map_get(load->root, "aws"), "aws", load->ds);
	check_session_token(load);
	check_role(load);
	check_mail(load);
	check_orphans(load);
	check_pool_vars(load);
	check_workers(load);
}
