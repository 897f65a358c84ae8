/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions: each is asked once, however many rows want to know, a few at a time, and
 * again if AWS had no answer for the moment. The rows are examined over and over; when a
 * pass has met nothing unanswered, one more tells what was found.
 */
#include "core/preflight.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "conf/conf.h"
#include "conf/conf_places.h"
#include "core/cloud.h"
#include "core/cloud_ec2.h"
#include "core/images.h"
#include "core/preflight_priv.h"
#include "ec2/query_region.h"
#include "ec2/verdict.h"
#include "sys/crypto.h"
#include "sys/http.h"

#include <string.h>
#include <uthash.h>

#define AT_A_TIME 8
#define TRIES_MAX 4
#define RETRY_MS 500
#define DAY_MS (INT64_C(86400) * 1000)
#define RETRY_MAX_MS 8000

struct lookup {
	struct preflight *all;
	char *key;           /* owned; cloud, question and what */
	struct cloud *cloud; /* borrowed */
	enum question question;
	char *what;                       /* owned */
	const struct conf_worker *worker; /* of ASK_CHOICE and ASK_PRICES */
	unsigned tries;
	bool answered;
	struct answer answer;
	struct ec2_call *op;
	struct images_call *choice;
	struct loop_timer retry;
	UT_hash_handle hh;
	struct lookup *next; /* of those that wait to be asked */
};

struct known_cloud {
	struct cloud *cloud; /* owned */
	struct known_cloud *next;
};

struct preflight {
	struct preflight_file file;
	struct loop *loop;
	struct http *http;
	struct cloud_ec2 *ec2;
	struct images *images;
	struct known_cloud *clouds;
	struct cloud **of_rows;       /* borrowed from clouds, by row; owned */
	struct lookup *lookups;       /* by key */
	struct lookup *first, **last; /* those that wait to be asked */
	unsigned asking;
	struct rng rng;
	struct loop_poke step;
};

static void ask(struct lookup *l);

static void
answered(struct lookup *l)
{
	l->answered = true;
	l->all->asking--;
	loop_poke(&l->all->step);
}

static void
on_retry(void *arg)
{
	ask(arg);
}

/* Whether the same question may get a better answer in a moment. */
static bool
is_passing(const struct ec2_answer *a)
{
	return a->verdict == VERDICT_LATER || a->verdict == VERDICT_REPEAT;
}

/* Of what is only too much at a time there is no end of tries, for nobody is in a hurry. */
static bool
try_again(struct lookup *l, const struct ec2_answer *a)
{
	bool throttled = a->class == EC2_CLASS_THROTTLE;
	int64_t wait;

	if (!is_passing(a) || a->err.reason == REASON_AUTH ||
		(!throttled && l->tries >= TRIES_MAX))
		return false;
	wait = RETRY_MS / 2 +
		rng_backoff_ms(&l->all->rng, l->tries, RETRY_MS, RETRY_MAX_MS);
	loop_timer_in(&l->retry, a->retry_after_ms > wait ? a->retry_after_ms : wait);
	return true;
}

/* any: the list that came was not empty. */
static enum found
judge(const struct ec2_answer *a, bool any)
{
	if (a->verdict == VERDICT_DONE)
		return any ? FOUND_YES : FOUND_NO;
	if (a->err.reason == REASON_AUTH)
		return FOUND_FORBIDDEN;
	return is_passing(a) ? FOUND_UNKNOWN : FOUND_NO;
}

static void
settle(struct lookup *l, const struct ec2_answer *a, bool any)
{
	l->op = NULL;
	if (try_again(l, a))
		return;
	l->answer.found = judge(a, any);
	l->answer.class = a->class;
	l->answer.err = a->err;
	answered(l);
}

static void
add_word(struct facts *f, const char *word)
{
	size_t count = 0;

	while (f->words != NULL && f->words[count] != NULL)
		count++;
	f->words = xreallocarray(f->words, count + 2, sizeof(*f->words));
	f->words[count] = xstrdup(word);
	f->words[count + 1] = NULL;
}

static void
on_zones(void *arg, const struct ec2_answer *a, struct ec2_zones *list)
{
	struct lookup *l = arg;

	for (size_t i = 0; i < list->count; i++)
		if (str_equal(list->items[i].state, "available"))
			add_word(&l->answer.facts, list->items[i].name);
	settle(l, a, list->count > 0);
}

static void
on_key_pairs(void *arg, const struct ec2_answer *a, struct ec2_key_pairs *list)
{
	settle(arg, a, list->count > 0);
}

static void
on_groups(void *arg, const struct ec2_answer *a, struct ec2_groups *list)
{
	struct lookup *l = arg;

	if (list->count > 0)
		l->answer.facts.vpc = TAKE(list->items[0].vpc);
	settle(l, a, list->count > 0);
}

static void
on_subnets(void *arg, const struct ec2_answer *a, struct ec2_subnets *list)
{
	struct lookup *l = arg;

	if (list->count > 0) {
		l->answer.facts.zone = TAKE(list->items[0].zone);
		l->answer.facts.vpc = TAKE(list->items[0].vpc);
		l->answer.facts.state = TAKE(list->items[0].state);
	}
	settle(l, a, list->count > 0);
}

static void
on_images(void *arg, const struct ec2_answer *a, struct ec2_images *list)
{
	struct lookup *l = arg;

	if (list->count > 0) {
		l->answer.facts.state = TAKE(list->items[0].state);
		l->answer.facts.architecture = TAKE(list->items[0].architecture);
	}
	settle(l, a, list->count > 0);
}

static void
on_types(void *arg, const struct ec2_answer *a, struct ec2_types *list)
{
	struct lookup *l = arg;

	for (size_t i = 0; list->count > 0 && i < list->items[0].architectures.count;
		i++)
		add_word(&l->answer.facts, list->items[0].architectures.items[i]);
	settle(l, a, list->count > 0);
}

static void
on_offers(void *arg, const struct ec2_answer *a, struct ec2_offerings *list)
{
	struct lookup *l = arg;

	for (size_t i = 0; i < list->count; i++)
		add_word(&l->answer.facts, list->items[i].zone);
	settle(l, a, list->count > 0);
}

static void
on_volumes(void *arg, const struct ec2_answer *a, struct ec2_volumes *list)
{
	struct lookup *l = arg;

	if (list->count > 0) {
		l->answer.facts.zone = TAKE(list->items[0].zone);
		l->answer.facts.state = TAKE(list->items[0].state);
	}
	settle(l, a, list->count > 0);
}

static void
on_addresses(void *arg, const struct ec2_answer *a, struct ec2_addresses *list)
{
	settle(arg, a, list->count > 0);
}

static void
on_instances(void *arg, const struct ec2_answer *a, struct ec2_instances *list)
{
	struct lookup *l = arg;

	for (size_t i = 0; i < list->count; i++)
		if (l->answer.facts.id == NULL &&
			list->items[i].state < EC2_STATE_SHUTTING_DOWN)
			l->answer.facts.id = xstrdup(list->items[i].id);
	settle(l, a, l->answer.facts.id != NULL);
}

static void
on_tried(void *arg, const struct ec2_answer *a)
{
	settle(arg, a, true);
}

static void
on_parameter(void *arg, const struct ec2_answer *a, const char *value)
{
	struct lookup *l = arg;
	struct ec2_answer judged = *a;

	if (value != NULL && strncmp(value, "ami-", strlen("ami-")) == 0) {
		l->answer.facts.id = xstrdup(value);
	} else if (value != NULL) {
		judged.verdict = VERDICT_REFUSED;
		err_set(&judged.err, ERR_CONFIG, "the parameter %s holds no image's id",
			l->what);
	}
	settle(l, &judged, true);
}

/* The choice has its own idea of what to ask again. */
static void
on_choice(void *arg, const struct images_result *result)
{
	struct lookup *l = arg;
	struct ec2_answer a = {.verdict = result->verdict};

	l->choice = NULL;
	if (result->id != NULL) {
		l->answer.facts.id = xstrdup(result->id);
	} else if (result->verdict == VERDICT_DONE) {
		a.verdict = VERDICT_REFUSED;
	}
	if (result->id == NULL)
		a.err = *result->err;
	settle(l, &a, true);
}

static void
on_prices(void *arg, const struct ec2_answer *a, struct ec2_prices *list)
{
	settle(arg, a, list->count > 0);
}

static struct ec2_call *
ask_prices(struct lookup *l)
{
	size_t type_len = strcspn(l->what, " "),
	       zone_len = strcspn(l->what + type_len + 1, " ");
	AUTO(free) char *type = xstrndup(l->what, type_len);
	AUTO(free) char *zone = xstrndup(l->what + type_len + 1, zone_len);

	return l->cloud->ops->prices(l->cloud->self,
		&(struct ec2_price_query){
			.type = type,
			.zone = strcmp(zone, "-") != 0 ? zone : NULL,
			.product = l->worker->product_description,
			.since_wall_ms = clock_wall_ms() - DAY_MS,
		},
		on_prices, l);
}

static struct ec2_call *
ask_name(struct lookup *l, const struct strings *what)
{
	const struct cloud_ops *ops = l->cloud->ops;
	void *self = l->cloud->self;

	switch (l->question) {
	case ASK_ZONES: return ops->zones(self, on_zones, l);
	case ASK_KEY_PAIR: return ops->key_pairs(self, what, on_key_pairs, l);
	case ASK_GROUP_NAME: return ops->groups(self, what, NULL, on_groups, l);
	case ASK_GROUP: return ops->groups(self, NULL, what, on_groups, l);
	case ASK_SUBNET: return ops->subnets(self, what, on_subnets, l);
	case ASK_IMAGE:
		return ops->images(self, &(struct ec2_image_query){.ids = what},
			on_images, l);
	case ASK_PARAMETER: return ops->parameter(self, l->what, on_parameter, l);
	case ASK_TYPE: return ops->types(self, what, on_types, l);
	case ASK_OFFERS: return ops->offerings(self, what, on_offers, l);
	case ASK_VOLUME: return ops->volumes(self, what, on_volumes, l);
	case ASK_ADDRESS: return ops->addresses(self, what, on_addresses, l);
	case ASK_PRICES: return ask_prices(l);
	case ASK_INSTANCE:
		return ops->list(self, l->all->file.conf->pool, on_instances, l);
	case ASK_RUN: return ops->dry_run(self, l->what, strlen(l->what), on_tried, l);
	case ASK_TERMINATE: return ops->dry_terminate(self, l->what, on_tried, l);
	case ASK_CHOICE:
	case ASK_COUNT: break;
	}
	return NULL;
}

static void
ask(struct lookup *l)
{
	struct strings what = {.items = NULL};

	l->tries++;
	l->all->file.result->questions++;
	strings_add(&what, l->what);
	if (l->question == ASK_CHOICE)
		l->choice = images_choose(l->all->images, l->cloud, l->worker,
			on_choice, l);
	else
		l->op = ask_name(l, &what);
	strings_fini(&what);
}

static struct lookup *
lookup_new(struct preflight_row *r, enum question question, const char *what, char *key)
{
	struct preflight *p = r->all;
	struct lookup *l = NEW(struct lookup);

	l->all = p;
	l->key = key;
	l->cloud = r->cloud;
	l->question = question;
	l->what = xstrdup(what);
	l->worker = r->worker;
	loop_timer_init(&l->retry, p->loop, on_retry, l);
	HASH_ADD_KEYPTR(hh, p->lookups, l->key, strlen(l->key), l);
	*p->last = l;
	p->last = &l->next;
	return l;
}

static void
lookup_free(struct lookup *l)
{
	if (l->op != NULL)
		l->cloud->ops->cancel(l->cloud->self, l->op);
	images_cancel(l->choice);
	loop_timer_clear(&l->retry);
	for (size_t i = 0;
		l->answer.facts.words != NULL && l->answer.facts.words[i] != NULL; i++)
		free(l->answer.facts.words[i]);
	free(l->answer.facts.words);
	free(l->answer.facts.id);
	free(l->answer.facts.state);
	free(l->answer.facts.zone);
	free(l->answer.facts.vpc);
	free(l->answer.facts.architecture);
	free(l->what);
	free(l->key);
	free(l);
}

struct answer *
preflight_ask(struct preflight_row *r, enum question question, const char *what)
{
	AUTO(free)
	char *key = xasprintf("%s\n%d\n%s", r->cloud->key, (int)question, what);
	struct lookup *l;

	HASH_FIND_STR(r->all->lookups, key, l);
	if (l == NULL)
		l = lookup_new(r, question, what, TAKE(key));
	if (l->answered)
		return &l->answer;
	r->waiting = true;
	return NULL;
}

/* Of those that are equal the first is kept. */
static struct cloud *
cloud_for(struct preflight *p, const struct conf_worker *w)
{
	const struct cloud_maker *maker = cloud_ec2_maker(p->ec2);
	struct cloud *cloud = maker->make(maker->self, p->file.conf, w, NULL);
	struct known_cloud *known;

	for (known = p->clouds; known != NULL; known = known->next)
		if (strcmp(known->cloud->key, cloud->key) == 0) {
			cloud_free(cloud);
			return known->cloud;
		}
	known = NEW(struct known_cloud);
	known->cloud = cloud;
	known->next = p->clouds;
	p->clouds = known;
	return cloud;
}

/* Whether all is known. */
static bool
pass(struct preflight *p)
{
	bool waiting = false;

	for (size_t i = 0; i < conf_places_rows(p->file.problems); i++) {
		const struct conf_worker *w =
			p->file.conf->workers[conf_places_worker(p->file.problems, i)];
		struct preflight_row row = {.all = p,
			.file = &p->file,
			.row = i,
			.worker = w,
			.cloud = p->of_rows[i]};

		preflight_examine(&row);
		waiting = waiting || row.waiting;
	}
	return !waiting;
}

static void
find_clouds(struct preflight *p)
{
	size_t rows = conf_places_rows(p->file.problems);

	p->of_rows = xcalloc(rows + 1, sizeof(struct cloud *));
	for (size_t i = 0; i < rows; i++)
		p->of_rows[i] = cloud_for(p,
			p->file.conf->workers[conf_places_worker(p->file.problems, i)]);
}

static void
ask_some(struct preflight *p)
{
	while (p->first != NULL && p->asking < AT_A_TIME) {
		struct lookup *l = p->first;

		p->first = l->next;
		if (p->first == NULL)
			p->last = &p->first;
		p->asking++;
		ask(l);
	}
}

/* Rows are looked at again only when everything that was asked has its answer. */
static void
step(void *arg)
{
	struct preflight *p = arg;

	ask_some(p);
	if (p->asking > 0)
		return;
	if (!pass(p)) {
		ask_some(p);
		return;
	}
	p->file.telling = true;
	(void)pass(p);
	loop_stop(p->loop);
}

static void
preflight_free(struct preflight *p)
{
	struct lookup *l, *next;
	struct known_cloud *known;

	HASH_ITER(hh, p->lookups, l, next) {
		HASH_DEL(p->lookups, l);
		lookup_free(l);
	}
	images_free(p->images);
	free(p->of_rows);
	while ((known = p->clouds) != NULL) {
		p->clouds = known->next;
		cloud_free(known->cloud);
		free(known);
	}
	cloud_ec2_free(p->ec2);
	http_free(p->http);
	if (p->loop != NULL) {
		loop_poke_clear(&p->step);
		loop_free(p->loop);
	}
}

int
preflight(const struct conf *conf, struct conf_problems *problems,
	struct preflight_result *ret, struct err *err)
{
	uint64_t seed;
	struct preflight p = {
		.file = {.conf = conf, .problems = problems, .result = ret}};

	p.last = &p.first;
	p.loop = loop_new(err);
	if (p.loop != NULL)
		p.http = http_new(p.loop, "ec2workerd/" VERSION, err);
	if (p.http == NULL) {
		preflight_free(&p);
		return -1;
	}
	*ret = (struct preflight_result){.questions = 0};
	p.ec2 = cloud_ec2_new(p.loop, p.http);
	p.images = images_new(p.loop);
	find_clouds(&p);
	crypto_random(&seed, sizeof(seed));
	rng_seed(&p.rng, seed);
	loop_poke_init(&p.step, p.loop, step, &p);
	loop_poke(&p.step);
	loop_run(p.loop);
	preflight_free(&p);
	return 0;
}
