/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which EC2 a worker's configuration means, and which credential set. A set is shared by
 * all clouds whose configuration says the same; where a reload has changed a secret behind
 * the same name, the new set is another one and its clouds have another key. The key tells
 * the two apart by a number, so that nothing made from a secret is in it; the number means
 * nothing outside this process.
 */
#include "core/cloud_ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "ec2/creds.h"
#include "ec2/endpoint.h"

#include <string.h>
#include <utlist.h>

/* A credential set in use. */
struct set {
	struct cloud_ec2 *owner; /* borrowed, outlives us */
	struct ec2_creds *creds;
	unsigned number; /* among those of the same name; 1 for the first */
	unsigned users;  /* clouds */
	struct set *prev, *next;
};

struct cloud_ec2 {
	struct loop *loop; /* borrowed */
	struct http *http; /* borrowed */
	struct set *sets;
	struct cloud_maker maker;
	loop_fn *on_trouble; /* or NULL */
	void *on_trouble_arg;
};

/* What a struct cloud of ours has behind it. */
struct ec2_cloud {
	struct cloud_ec2 *owner; /* borrowed, outlives us */
	struct ec2_client *client;
	struct set *set; /* counted */
};

static struct ec2_slot *
op_slot(void *self, loop_fn *granted, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_launch_slot(c->client, granted, arg);
}

static void
op_slot_free(void *self, struct ec2_slot *slot)
{
	(void)self;
	ec2_slot_free(slot);
}

static struct ec2_call *
op_run(void *self, struct ec2_slot *slot, const char *body, size_t len,
	ec2_instances_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_run_instances(c->client, slot, body, len, done, arg);
}

static struct ec2_call *
op_list(void *self, const char *pool, ec2_instances_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_list_pool(c->client, pool, done, arg);
}

static struct ec2_call *
op_find_token(void *self, const char *token, ec2_instances_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_find_token(c->client, token, done, arg);
}

static struct ec2_call *
op_describe(void *self, const char *id, ec2_instances_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_describe_one(c->client, id, done, arg);
}

static struct ec2_call *
op_terminate(void *self, const char *id, ec2_instances_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_terminate_one(c->client, id, done, arg);
}

static struct ec2_call *
op_console(void *self, const char *id, bool latest, ec2_console_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_console(c->client, id, latest, done, arg);
}

static struct ec2_call *
op_images(void *self, const struct ec2_image_query *q, ec2_images_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_list_images(c->client, q, done, arg);
}

static struct ec2_call *
op_prices(void *self, const struct ec2_price_query *q, ec2_prices_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_spot_prices(c->client, q, done, arg);
}

static struct ec2_call *
op_subnets(void *self, const struct strings *ids, ec2_subnets_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_subnets(c->client, ids, done, arg);
}

static struct ec2_call *
op_volumes(void *self, const struct strings *ids, ec2_volumes_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_volumes(c->client, ids, done, arg);
}

static struct ec2_call *
op_addresses(void *self, const struct strings *public_ips, ec2_addresses_done *done,
	void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_addresses(c->client, public_ips, done, arg);
}

static struct ec2_call *
op_associate(void *self, const char *allocation, const char *instance, ec2_done *done,
	void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_associate_address(c->client, allocation, instance, done, arg);
}

static struct ec2_call *
op_attach(void *self, const char *volume, const char *instance, const char *device,
	ec2_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_attach_volume(c->client, volume, instance, device, done, arg);
}

static struct ec2_call *
op_tag(void *self, const struct strings *instances, const char *key, const char *value,
	ec2_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_tag_instances(c->client, instances, key, value, done, arg);
}

static struct ec2_call *
op_key_pairs(void *self, const struct strings *names, ec2_key_pairs_done *done,
	void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_key_pairs(c->client, names, done, arg);
}

static struct ec2_call *
op_groups(void *self, const struct strings *names, const struct strings *ids,
	ec2_groups_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_groups(c->client, names, ids, done, arg);
}

static struct ec2_call *
op_types(void *self, const struct strings *names, ec2_types_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_types(c->client, names, done, arg);
}

static struct ec2_call *
op_offerings(void *self, const struct strings *types, ec2_offerings_done *done,
	void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_offerings(c->client, types, done, arg);
}

static struct ec2_call *
op_zones(void *self, ec2_zones_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_zones(c->client, done, arg);
}

static struct ec2_call *
op_parameter(void *self, const char *name, ec2_parameter_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_parameter(c->client, name, done, arg);
}

static struct ec2_call *
op_dry_run(void *self, const char *body, size_t len, ec2_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_dry_run(c->client, body, len, done, arg);
}

static struct ec2_call *
op_dry_terminate(void *self, const char *instance, ec2_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_dry_terminate(c->client, instance, done, arg);
}

static void
op_counts(const void *self, struct ec2_counts *ret)
{
	const struct ec2_cloud *c = self;

	ec2_client_counts(c->client, ret);
}

static bool
op_trouble(const void *self, struct cloud_trouble *ret)
{
	const struct ec2_cloud *c = self;
	struct ec2_creds_trouble trouble;

	if (!ec2_creds_trouble(c->set->creds, &trouble))
		return false;
	*ret = (struct cloud_trouble){trouble.text, trouble.since_wall};
	return true;
}

static void
op_cancel(void *self, struct ec2_call *call)
{
	(void)self;
	ec2_cancel(call);
}

static void
set_unuse(struct cloud_ec2 *owner, struct set *set)
{
	if (--set->users > 0)
		return;
	DL_DELETE(owner->sets, set);
	ec2_creds_watch(set->creds, NULL, NULL); /* somebody may hold it still */
	ec2_creds_unref(set->creds);
	free(set);
}

static void
op_free(void *self)
{
	struct ec2_cloud *c = self;

	ec2_client_free(c->client);
	set_unuse(c->owner, c->set);
	free(c);
}

static struct ec2_call *
op_list_leftovers(void *self, enum ec2_leftover_kind kind, const char *pool,
	ec2_leftovers_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_list_leftovers(c->client, kind, pool, done, arg);
}

static struct ec2_call *
op_look_at_leftover(void *self, enum ec2_leftover_kind kind, const char *id,
	ec2_leftovers_done *done, void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_look_at_leftover(c->client, kind, id, done, arg);
}

static struct ec2_call *
op_end_leftover(void *self, enum ec2_leftover_kind kind, const char *id, ec2_done *done,
	void *arg)
{
	struct ec2_cloud *c = self;

	return ec2_end_leftover(c->client, kind, id, done, arg);
}

static const struct cloud_ops ops = {
	.slot = op_slot,
	.slot_free = op_slot_free,
	.run = op_run,
	.list = op_list,
	.find_token = op_find_token,
	.describe = op_describe,
	.terminate = op_terminate,
	.console = op_console,
	.images = op_images,
	.prices = op_prices,
	.subnets = op_subnets,
	.volumes = op_volumes,
	.addresses = op_addresses,
	.associate = op_associate,
	.attach = op_attach,
	.tag = op_tag,
	.key_pairs = op_key_pairs,
	.groups = op_groups,
	.types = op_types,
	.offerings = op_offerings,
	.zones = op_zones,
	.dry_run = op_dry_run,
	.dry_terminate = op_dry_terminate,
	.parameter = op_parameter,
	.list_leftovers = op_list_leftovers,
	.look_at_leftover = op_look_at_leftover,
	.end_leftover = op_end_leftover,
	.counts = op_counts,
	.trouble = op_trouble,
	.cancel = op_cancel,
	.free = op_free,
};

/* A number that no set of this name has. */
static unsigned
free_number(const struct cloud_ec2 *owner, const char *name)
{
	const struct set *set;
	unsigned number = 1;

	DL_FOREACH(owner->sets, set)
		if (strcmp(ec2_creds_name(set->creds), name) == 0 &&
			set->number >= number)
			number = set->number + 1;
	return number;
}

/* Nothing has failed yet: what is in use goes on working. */
static void
on_trouble(void *arg)
{
	const struct cloud_ec2 *owner = ((const struct set *)arg)->owner;

	if (owner->on_trouble != NULL)
		owner->on_trouble(owner->on_trouble_arg);
}

static struct set *
set_use(struct cloud_ec2 *owner, const struct ec2_creds_source *source)
{
	struct set *set;

	DL_FOREACH(owner->sets, set)
		if (ec2_creds_is(set->creds, source))
			break;
	if (set == NULL) {
		set = NEW(struct set);
		set->owner = owner;
		set->creds = ec2_creds_new(owner->loop, owner->http, source);
		set->number = free_number(owner, ec2_creds_name(set->creds));
		ec2_creds_watch(set->creds, on_trouble, set);
		DL_APPEND(owner->sets, set);
	}
	set->users++;
	return set;
}

/* The region of a profile is asked for even where keys are configured, as boto3 does. */
static char *
default_region(const struct conf *conf)
{
	const struct ec2_creds_source files = {
		.profile = conf->aws.profile,
		.shared_credentials_file = conf->aws.shared_credentials_file,
		.config_file = conf->aws.config_file,
	};

	return ec2_default_region(&files);
}

static char *
effective_region(const struct conf *conf, const struct conf_worker *worker,
	const char *region)
{
	if (region == NULL && worker != NULL)
		region = worker->region;
	if (region == NULL)
		region = conf->aws.region;
	return region != NULL ? xstrdup(region) : default_region(conf);
}

/* The worker's keys, else all that the pool says. */
static struct ec2_creds_source
source_of(const struct conf *conf, const struct conf_worker *worker)
{
	const struct conf_aws *aws = &conf->aws;

	if (worker != NULL && worker->identifier != NULL)
		return (struct ec2_creds_source){
			.identifier = worker->identifier,
			.secret = worker->secret_identifier.text,
		};
	return (struct ec2_creds_source){
		.identifier = aws->identifier,
		.secret = aws->secret_identifier.text,
		.session_token = aws->session_token.text,
		.profile = aws->profile,
		.shared_credentials_file = aws->shared_credentials_file,
		.config_file = aws->config_file,
		.role_arn = aws->role_arn,
		.external_id = aws->external_id,
	};
}

/*
 * Whoever may have to ask for keys must know where. The region is the pool's, so that one
 * set serves workers in many; the session's name shows CloudTrail which pool it was.
 */
static struct set *
set_of(struct cloud_ec2 *owner, const struct conf *conf,
	const struct conf_worker *worker)
{
	struct ec2_creds_source source = source_of(conf, worker);
	const struct conf_aws *aws = &conf->aws;
	AUTO(free) char *region = NULL, *session = NULL;

	if (source.identifier == NULL || source.role_arn != NULL) {
		region = effective_region(conf, NULL, NULL);
		session = aws->role_session_name != NULL
			? xstrdup(aws->role_session_name)
			: xasprintf("ec2workerd-%s", conf->pool);
		source.region = region;
		source.session_name = session;
		source.sts_endpoint = aws->sts_endpoint_url;
		source.imds_endpoint = aws->imds_endpoint_url;
		source.ca_file = aws->ca_file;
	}
	return set_use(owner, &source);
}

/* The number means nothing outside this process. */
static char *
name_set(const struct set *set)
{
	const char *name = ec2_creds_name(set->creds);

	return set->number > 1 ? xasprintf("%s#%u", name, set->number) : xstrdup(name);
}

static char *
make_key(const struct ec2_client_conf *client, const char *name)
{
	struct buf key = {0};

	buf_printf(&key, "%s %s %s", client->endpoint, client->region, name);
	if (client->ca_file != NULL)
		buf_printf(&key, " ca:%s", client->ca_file);
	if (client->ssm_endpoint != NULL)
		buf_printf(&key, " ssm:%s", client->ssm_endpoint);
	return buf_take(&key);
}

static struct cloud *
make(void *self, const struct conf *conf, const struct conf_worker *worker,
	const char *region)
{
	struct cloud_ec2 *owner = self;
	struct ec2_cloud *behind = NEW(struct ec2_cloud);
	struct cloud *cloud = NEW(struct cloud);
	AUTO(free) char *standard = NULL;
	struct ec2_client_conf client = {
		.ssm_endpoint = conf->aws.ssm_endpoint_url,
		.ca_file = conf->aws.ca_file,
	};

	cloud->region = effective_region(conf, worker, region);
	standard = endpoint_default("ec2", cloud->region);
	client.region = cloud->region;
	client.endpoint = conf->aws.endpoint_url != NULL ? conf->aws.endpoint_url
							 : standard;
	behind->owner = owner;
	behind->set = set_of(owner, conf, worker);
	behind->client = ec2_client_new(owner->loop, owner->http, &client,
		behind->set->creds);
	cloud->ops = &ops;
	cloud->self = behind;
	cloud->credentials = xstrdup(ec2_creds_name(behind->set->creds));
	cloud->set = name_set(behind->set);
	cloud->key = make_key(&client, cloud->set);
	return cloud;
}

char *
cloud_ec2_region(const struct conf *conf, const struct conf_worker *worker)
{
	return effective_region(conf, worker, NULL);
}

struct cloud_ec2 *
cloud_ec2_new(struct loop *loop, struct http *http)
{
	struct cloud_ec2 *c = NEW(struct cloud_ec2);

	c->loop = loop;
	c->http = http;
	c->maker = (struct cloud_maker){.make = make, .self = c};
	return c;
}

const struct cloud_maker *
cloud_ec2_maker(struct cloud_ec2 *c)
{
	return &c->maker;
}

void
cloud_ec2_watch(struct cloud_ec2 *c, loop_fn *fn, void *arg)
{
	c->on_trouble = fn;
	c->on_trouble_arg = arg;
}

void
cloud_ec2_free(struct cloud_ec2 *c)
{
	free(c);
}
