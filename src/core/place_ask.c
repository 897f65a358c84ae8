/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a place asks before a launch: the zone of a candidate's subnet, the image, the mean
 * of its spot prices. A place asks one question at a time; most are answered already.
 */
#include "core/place_priv.h"

#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_device.h"
#include "core/cloud.h"
#include "core/images.h"
#include "core/lookup.h"
#include "core/permit.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"

#include <string.h>

struct rest_at
place_rest_at(const struct place *p, const struct candidate *c)
{
	return (struct rest_at){
		.cloud = p->cloud,
		.conf = p->conf,
		.type = c->type,
		.zone = c->zone,
		.subnet = c->subnet,
		.spot = c->spot,
	};
}

static bool
is_final(int verdict, const struct err *err)
{
	return (verdict == VERDICT_DONE || verdict == VERDICT_REFUSED) &&
		(err->reason == REASON_CONFIG || err->reason == REASON_AUTH);
}

/* Keeps what went wrong with a question, for the step that follows. */
static void
keep_trouble(struct place *p, int verdict, const struct err *err)
{
	p->trouble = *err;
	p->hopeless = is_final(verdict, err);
}

/* A question about the candidate has no answer and never will: the others are left. */
static void
leave_out(struct place *p, struct candidate *c, const struct err *err)
{
	const struct rest_at at = place_rest_at(p, c);

	c->spent = true;
	p->last = *err;
	if (err->reason == REASON_CONFIG)
		(void)rests_refused(p->worker->pool->rests, &at, err);
}

/* Where it is cannot be changed, and what it must be in says something else. */
static void
rule_out(struct place *p, struct candidate *c, const char *what, const char *zone)
{
	c->spent = true;
	err_set(&p->last, ERR_FAILED, "%s %s, and %s in %s", what, zone,
		c->subnet != NULL ? c->subnet : "placement", c->zone);
	p->last.reason = REASON_CONFIG;
}

static char *
zone_of_placement(const struct place *p)
{
	if (p->conf->placement == NULL)
		return NULL;
	return xasprintf("%s%s", p->cloud->region, p->conf->placement);
}

/*
 * Volumes stay in their zone, so an instance that is to have them must come to it; and a
 * subnet is in one, whatever placement says.
 */
static void
check_zone(struct place *p, struct candidate *c)
{
	AUTO(free) char *placed = zone_of_placement(p);

	if (c->zone == NULL && placed != NULL)
		c->zone = TAKE(placed);
	else if (placed != NULL && strcmp(c->zone, placed) != 0)
		rule_out(p, c, "placement says zone", placed);
	if (p->zone == NULL || c->spent)
		return;
	if (c->zone == NULL && c->subnet == NULL)
		c->zone = xstrdup(p->zone);
	if (c->zone != NULL && strcmp(c->zone, p->zone) != 0)
		rule_out(p, c, "the volumes are in zone", p->zone);
}

static void
on_zone(void *arg, const struct lookup_answer *answer)
{
	struct place *p = arg;
	struct candidate *c = p->asked;

	p->lookup = NULL;
	if (answer->err == NULL)
		c->zone = xstrdup(answer->zone);
	else if (!is_final(answer->verdict, answer->err))
		keep_trouble(p, answer->verdict, answer->err);
	else if (answer->err->reason == REASON_CONFIG)
		leave_out(p, c, answer->err);
	/* Whoever may not ask launches without knowing it. */
	c->zone_asked = p->trouble.code == ERR_NONE;
	if (c->zone_asked)
		check_zone(p, c);
	loop_poke(&p->worker->poke);
}

/* Its availability zone, as far as that can be known before the launch. */
enum place_outcome
place_find_zone(struct place *p, struct candidate *c)
{
	if (c->zone_asked)
		return PLACE_FOUND;
	if (c->subnet != NULL) {
		p->asked = c;
		p->lookup = lookup_subnet(p->worker->pool->lookups, p->cloud, c->subnet,
			on_zone, p);
		return PLACE_ASKING;
	}
	c->zone_asked = true;
	check_zone(p, c);
	return PLACE_FOUND;
}

static const char *
volume_of(const struct place *p, size_t n)
{
	const struct conf_volume *all = p->conf->volumes.items;

	return all[n].volume_id;
}

static void
on_volume(void *arg, const struct lookup_answer *answer)
{
	struct place *p = arg;
	struct err err;

	p->lookup = NULL;
	if (answer->err != NULL) {
		keep_trouble(p, answer->verdict, answer->err);
	} else if (p->zone != NULL && strcmp(p->zone, answer->zone) != 0) {
		err_set(&err, ERR_FAILED,
			"%s is in %s, and %s in %s: no instance can have both",
			volume_of(p, 0), p->zone, volume_of(p, p->volumes),
			answer->zone);
		err.reason = REASON_CONFIG;
		keep_trouble(p, VERDICT_REFUSED, &err);
	} else {
		if (p->zone == NULL)
			p->zone = xstrdup(answer->zone);
		p->volumes++;
	}
	loop_poke(&p->worker->poke);
}

enum place_outcome
place_find_volumes(struct place *p, int64_t *ret_again_ms, struct err *err)
{
	(void)ret_again_ms;
	(void)err;
	if (p->volumes == p->conf->volumes.count)
		return PLACE_FOUND;
	p->lookup = lookup_volume(p->worker->pool->lookups, p->cloud,
		volume_of(p, p->volumes), on_volume, p);
	return PLACE_ASKING;
}

static void
on_image(void *arg, const struct images_result *result)
{
	struct place *p = arg;

	p->images = NULL;
	if (result->id != NULL) {
		p->image = xstrdup(result->id);
		p->image_why = xstrdup_opt(result->text);
	} else {
		keep_trouble(p, result->verdict, result->err);
	}
	loop_poke(&p->worker->poke);
}

static void
on_parameter(void *arg, const struct lookup_answer *answer)
{
	struct place *p = arg;

	p->lookup = NULL;
	if (answer->err == NULL) {
		p->image = xstrdup(answer->image);
		p->image_why = xasprintf("image %s, which %s names", answer->image,
			conf_ami_parameter(p->conf));
	} else {
		keep_trouble(p, answer->verdict, answer->err);
	}
	loop_poke(&p->worker->poke);
}

enum place_outcome
place_find_image(struct place *p, int64_t *ret_again_ms, struct err *err)
{
	const char *parameter = conf_ami_parameter(p->conf);

	(void)ret_again_ms;
	(void)err;
	if (p->image != NULL)
		return PLACE_FOUND;
	if (parameter != NULL) {
		p->lookup = lookup_parameter(p->worker->pool->lookups, p->cloud,
			parameter, on_parameter, p);
		return PLACE_ASKING;
	}
	p->images = images_choose(p->worker->pool->images, p->cloud, p->conf, on_image,
		p);
	return PLACE_ASKING;
}

static void
on_price(void *arg, const struct lookup_answer *answer)
{
	struct place *p = arg;
	struct candidate *c = p->asked;

	p->lookup = NULL;
	if (answer->err == NULL) {
		c->mean = answer->mean;
		c->first = bid_first(p->conf, &c->mean);
	} else if (is_final(answer->verdict, answer->err)) {
		leave_out(p, c, answer->err);
	} else {
		keep_trouble(p, answer->verdict, answer->err);
	}
	loop_poke(&p->worker->poke);
}

enum place_outcome
place_find_bid(struct place *p, int64_t *ret_again_ms, struct err *err)
{
	struct candidate *c = p->at;
	const struct lookup_price what = {c->type, c->zone,
		p->conf->product_description};

	(void)ret_again_ms;
	(void)err;
	if (c->spot && c->first <= 0 && !bid_needs_mean(p->conf))
		c->first = bid_first(p->conf, &c->mean);
	if (!c->spot || c->first > 0)
		return PLACE_FOUND;
	p->asked = c;
	p->lookup = lookup_price(p->worker->pool->lookups, p->cloud, &what, on_price,
		p);
	return PLACE_ASKING;
}

bool
place_forget_image(struct place *p)
{
	const char *parameter = conf_ami_parameter(p->conf);

	if (p->conf->ami == NULL)
		images_forget(p->worker->pool->images, p->cloud, p->conf);
	else if (parameter != NULL)
		lookup_forget_parameter(p->worker->pool->lookups, p->cloud, parameter);
	return p->conf->ami == NULL || parameter != NULL;
}

bool
place_is_asking(const struct place *p)
{
	if (p == NULL)
		return false;
	return p->images != NULL || p->lookup != NULL || p->glance != NULL ||
		p->op != NULL ||
		(p->waits && permits_is_asking(p->worker->pool->permits, p->cloud));
}

void
place_forget(struct place *p)
{
	if (p == NULL)
		return;
	images_cancel(p->images);
	lookup_cancel(p->lookup);
	p->images = NULL;
	p->lookup = NULL;
	place_forget_holders(p);
	free(p->image);
	free(p->image_why);
	p->image = p->image_why = NULL;
}
