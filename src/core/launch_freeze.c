/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a launch asks of EC2, from the worker's configuration of this moment: canonical
 * body, user data with the password as a reference, digest of the finished bytes.
 */
#include "core/launch_freeze.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/tmpl.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/equip.h"
#include "core/event.h"
#include "core/launch.h"
#include "core/lease.h"
#include "core/place.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "ec2/request.h"
#include "sys/crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct names {
	const struct launch *launch;
	const struct worker *worker;
	char generation[24];
};

static const char *
look_up(void *arg, const char *name)
{
	struct names *n = arg;

	if (strcmp(name, "worker") == 0)
		return n->worker->name;
	if (strcmp(name, "pool") == 0)
		return n->launch->pool->conf->pool;
	if (strcmp(name, "region") == 0)
		return n->launch->region;
	if (strcmp(name, "generation") == 0)
		return n->generation;
	if (strncmp(name, "vars.", 5) == 0)
		return strmap_get(&n->worker->conf->vars, name + 5);
	return NULL;
}

/* HMAC(key file, launch id, worker): of one launch, derivable as long as the key file is. */
static void
derive_password(const struct launch *l, struct secret *ret)
{
	unsigned char mac[CRYPTO_SHA256_SIZE];
	char hex[CRYPTO_HEX_SIZE];
	AUTO(free) char *text = xasprintf("%s %s", l->id, l->worker->name);
	const char *key = l->pool->key.text;

	crypto_hmac_sha256(key, strlen(key), text, strlen(text), mac);
	crypto_hex(mac, sizeof(mac), hex);
	hex[40] = '\0';
	secret_set(ret, hex);
	mem_wipe(mac, sizeof(mac));
	mem_wipe(hex, sizeof(hex));
}

void
launch_password(const struct launch *l, struct secret *ret)
{
	if (l->generated)
		derive_password(l, ret);
	else
		secret_set(ret,
			l->worker->conf != NULL ? l->worker->conf->password.text
						: NULL);
}

static int
finish(const struct launch *l, struct buf *body, struct err *err)
{
	struct buf data = {0};
	struct secret password = {NULL};
	int result = 0;

	launch_password(l, &password);
	if (l->user_data != NULL && tmpl_thaw(l->user_data, password.text, &data) < 0)
		result = err_set(err, ERR_INTERNAL,
			"the password of its user data is not known any more");
	if (result == 0)
		result = ec2_run_finish(l->body,
			l->user_data == NULL ? NULL : buf_str(&data), data.len, body,
			err);
	buf_wipe_fini(&data);
	secret_fini(&password);
	return result;
}

int
launch_thaw(const struct launch *l, struct buf *body, struct err *err)
{
	char digest[CRYPTO_HEX_SIZE];

	if (finish(l, body, err) < 0)
		return -1;
	crypto_sha256_hex(body->data, body->len, digest);
	if (strcmp(digest, l->digest) != 0)
		return err_set(err, ERR_INTERNAL,
			"the request rebuilt from the ledger is not the one that was sent (digest "
			"differs): the password or the key file has changed");
	return 0;
}

/* l: NULL for a trial. */
static void
build_body(const struct launch *l, const struct worker *w, const struct placement *at,
	struct buf *out)
{
	const struct conf_worker *c = w->conf;
	const struct store_meta *meta = store_meta(w->pool->store);
	struct conf_metadata metadata = c->metadata_options;
	char lease[LEASE_TEXT] = "";
	struct ec2_run run = {
		.token = l != NULL ? l->token : NULL,
		.image = at->image,
		.type = at->type,
		.key = c->keypair_name,
		/* A zone that follows from the subnet is not said twice. */
		.zone = at->subnet != NULL && c->placement == NULL ? NULL : at->zone,
		.subnet = at->subnet,
		.spot = at->spot,
		.max_price = at->bid,
		.security_name = c->security_name,
		.security_groups = &c->security_group_ids,
		.instance_profile = c->instance_profile_name,
		.device_rows = &conf_device_fields,
		.devices = &c->block_device_map,
		.metadata_rows = &conf_metadata_fields,
		.metadata = &metadata,
		.pool = w->pool->conf->pool,
		.worker = w->name,
		.launch = l != NULL ? l->id : NULL,
		.lineage = meta->lineage,
		.generation = w->generation,
		.epoch = meta->epoch,
		.lease = lease,
		.tags = &c->tags,
	};

	if (c->dead_man != FIELD_NULL) {
		lease_text(c->dead_man, lease);
		metadata.instance_metadata_tags = CONF_SWITCH_ON; /* for its guard */
	}
	ec2_run_body(&run, out);
}

void
launch_trial(const struct worker *w, const struct placement *at, struct buf *out)
{
	build_body(NULL, w, at, out);
}

static int
build_user_data(struct launch *l, const struct worker *w, struct err *err)
{
	struct names n = {.launch = l, .worker = w};
	struct buf data = {0};

	if (w->conf->user_data_tmpl == NULL)
		return 0;
	(void)snprintf(n.generation, sizeof(n.generation), "%" PRId64, l->generation);
	if (tmpl_freeze(w->conf->user_data_tmpl, look_up, &n, "password", &data, err) <
		0) {
		buf_fini(&data);
		return err_wrap(err, "user_data");
	}
	l->user_data = buf_take(&data);
	return 0;
}

int
launch_freeze(struct launch *l, const struct worker *w, const struct placement *at,
	struct err *err)
{
	AUTO(buf) struct buf body = {0}, finished = {0};

	l->region = xstrdup(l->cloud->region);
	l->credentials = xstrdup(l->cloud->credentials);
	l->zone = xstrdup_opt(at->zone);
	l->subnet = xstrdup_opt(at->subnet);
	l->type = xstrdup(at->type);
	l->market = at->spot ? xstrdup("spot") : NULL;
	l->bid = xstrdup_opt(at->bid);
	l->image = xstrdup(at->image);
	l->generated = w->conf->password_generated;
	l->elastic_ip = xstrdup_opt(w->conf->elastic_ip);
	l->volumes = equip_freeze_volumes(&w->conf->volumes);
	l->holds = l->elastic_ip != NULL || l->volumes != NULL;
	build_body(l, w, at, &body);
	l->body = buf_take(&body);
	if (build_user_data(l, w, err) < 0 || finish(l, &finished, err) < 0) {
		err->reason = REASON_CONFIG;
		return -1;
	}
	crypto_sha256_hex(finished.data, finished.len, l->digest);
	mem_wipe(finished.data, finished.len);
	return 0;
}

struct launch *
launch_reserve(struct worker *w, const struct placement *at, struct err *err)
{
	struct launch *l = NEW(struct launch);

	crypto_uuid(l->id);
	crypto_uuid(l->token);
	launch_init(l, w->pool, w);
	l->generation = w->generation;
	l->phase = LAUNCH_RESERVED;
	l->created_wall = l->phase_wall = clock_wall_ms();
	l->reserved_ms = clock_ms();
	l->poller = pool_poller(w);
	l->cloud = poller_cloud(l->poller);
	if (launch_freeze(l, w, at, err) < 0) {
		launch_free(l);
		return NULL;
	}
	w->launch = l;
	w->stale = false;
	pool_dirty_worker(w);
	pool_dirty_launch(l);
	worker_event(w, EVENT_PHASE, l, NULL, launch_phase_name(l->phase),
		&(struct cause){w->by, at->why});
	loop_poke(&l->poke);
	return l;
}
