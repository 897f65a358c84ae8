/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, credentials that are renewed in time, and the statuses of refusals. */
#include "sim/imds.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/cloud.h"
#include "sim/ec2.h"
#include "sim/journal.h"
#include "sim/keys.h"
#include "sim/metadata.h"
#include "sim/sim_parts.h"
#include "sys/crypto.h"
#include "sys/httpd.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define LATEST "/latest/"
#define BY_INSTANCE "/imds/"
#define TOKEN_PATH "api/token"
#define TTL_HEADER "X-aws-ec2-metadata-token-ttl-seconds"
#define TOKEN_HEADER "X-aws-ec2-metadata-token"
#define TTL_MAX 21600
#define TOKEN_BYTES 42             /* 56 in base64 */
#define RENEWAL_MS (5 * 60 * 1000) /* new credentials are there so long before */

struct token {
	char *text, *subject; /* whose it is: an instance id */
	int64_t until_ms;     /* boottime */
	struct token *prev, *next;
};

/* The credentials that a subject was given last. */
struct grant {
	char *subject, *role, *key;
	int64_t since_ms; /* wall clock */
	struct grant *next;
};

struct sim_imds {
	struct token *tokens; /* the oldest first */
	size_t token_count;
	struct grant *grants;
};

/* A request on its way. */
struct query {
	struct sim *sim;
	struct httpd_request *request;
	struct sim_subject subject;
	const char *path; /* below latest/ */
	const char *name; /* of what was asked for, to be counted by */
	struct buf out;
};

struct sim_imds *
sim_imds_new(void)
{
	return NEW(struct sim_imds);
}

static void
token_free(struct sim_imds *imds, struct token *t)
{
	DL_DELETE(imds->tokens, t);
	imds->token_count--;
	str_wipe_free(t->text);
	free(t->subject);
	free(t);
}

void
sim_imds_clear(struct sim_imds *imds)
{
	while (imds->tokens != NULL)
		token_free(imds, imds->tokens);
	while (imds->grants != NULL) {
		struct grant *g = imds->grants;

		LL_DELETE(imds->grants, g);
		free(g->subject);
		free(g->role);
		free(g->key);
		free(g);
	}
}

void
sim_imds_free(struct sim_imds *imds)
{
	if (imds == NULL)
		return;
	sim_imds_clear(imds);
	free(imds);
}

bool
sim_imds_is(const char *target)
{
	return strncmp(target, LATEST, strlen(LATEST)) == 0 ||
		strncmp(target, BY_INSTANCE, strlen(BY_INSTANCE)) == 0;
}

static struct grant *
find_grant(struct sim_imds *imds, const char *subject, const char *role)
{
	struct grant *g;

	LL_FOREACH(imds->grants, g)
		if (strcmp(g->subject, subject) == 0 && strcmp(g->role, role) == 0)
			return g;
	return NULL;
}

/* Whether the next ones are due: five minutes before the end, or at half a short life. */
static bool
is_due(const struct sim_key *k, int64_t since_ms, int64_t now_ms)
{
	int64_t half_ms = (k->expires_ms - since_ms) / 2;
	int64_t before_ms = half_ms < RENEWAL_MS ? half_ms : RENEWAL_MS;

	return now_ms >= k->expires_ms - before_ms;
}

static const struct sim_key *
issue(struct query *q, struct grant *g, const char *role)
{
	const struct sim_subject *s = &q->subject;
	AUTO(free)
	char *arn = xasprintf("arn:aws:sts::" SIM_OWNER_ID ":assumed-role/%s/%s", role,
		sim_subject_id(s));
	const struct sim_key *k = sim_keys_issue(q->sim->keys, arn,
		s->wall_ms + s->host->lifetime);

	free(g->key);
	g->key = xstrdup(k->id);
	g->since_ms = s->wall_ms;
	return k;
}

static const struct sim_key *
credentials(void *arg, int64_t *ret_since_ms)
{
	struct query *q = arg;
	const char *id = sim_subject_id(&q->subject);
	const char *role = sim_subject_role(&q->subject);
	struct grant *g = find_grant(q->sim->imds, id, role);
	const struct sim_key *k = NULL;

	if (g == NULL) {
		g = NEW(struct grant);
		g->subject = xstrdup(id);
		g->role = xstrdup(role);
		LL_PREPEND(q->sim->imds->grants, g);
	} else {
		k = sim_keys_find(q->sim->keys, g->key);
	}
	if (k == NULL ||
		(q->subject.host->rotate && is_due(k, g->since_ms, q->subject.wall_ms)))
		k = issue(q, g, role);
	*ret_since_ms = g->since_ms;
	return k;
}

static void
answer(struct query *q, int status)
{
	const char *head[3] = {httpd_method(q->request), httpd_target(q->request), ""};
	struct sim_record *r = sim_journal_add(q->sim->journal, q->name, head, "", 0);
	int64_t forced = q->sim->scenario.imds.status;

	if (forced != FIELD_NULL) {
		status = (int)forced;
		buf_clear(&q->out);
	}
	r->status = status;
	r->done = status == 200;
	httpd_reply(q->request, status, "text/plain", buf_str(&q->out), q->out.len);
	buf_fini(&q->out);
}

/* Whole seconds from 1 to six hours; 0: it is none. */
static int64_t
read_ttl(const char *text)
{
	int64_t ttl;

	if (text == NULL || strspn(text, "0123456789") != strlen(text) ||
		strlen(text) > 5 || text[0] == '\0')
		return 0;
	ttl = strtoll(text, NULL, 10);
	return ttl <= TTL_MAX ? ttl : 0;
}

static void
make_token(struct query *q, int64_t ttl)
{
	struct sim_imds *imds = q->sim->imds;
	struct token *t = NEW(struct token);
	unsigned char bytes[TOKEN_BYTES];

	crypto_random(bytes, sizeof(bytes));
	crypto_base64(bytes, sizeof(bytes), &q->out);
	t->text = xstrdup(buf_str(&q->out));
	t->subject = xstrdup(sim_subject_id(&q->subject));
	t->until_ms = clock_ms() + ttl * 1000;
	DL_APPEND(imds->tokens, t);
	if (++imds->token_count > SIM_IMDS_TOKENS_MAX)
		token_free(imds, imds->tokens);
}

static void
put_token(struct query *q)
{
	const char *text = httpd_header(q->request, TTL_HEADER);
	int64_t ttl = read_ttl(text);

	q->name = TOKEN_PATH;
	if (httpd_header(q->request, "X-Forwarded-For") != NULL) {
		answer(q, 403);
		return;
	}
	if (ttl == 0) {
		answer(q, 400);
		return;
	}
	make_token(q, ttl);
	httpd_add_header(q->request, TTL_HEADER, text);
	answer(q, 200);
}

static bool
is_good_token(const struct query *q, const char *text)
{
	const struct token *t;

	DL_FOREACH(q->sim->imds->tokens, t)
		if (strcmp(t->text, text) == 0)
			return clock_ms() < t->until_ms &&
				strcmp(t->subject, sim_subject_id(&q->subject)) == 0;
	return false;
}

static void
get(struct query *q)
{
	const char *token = httpd_header(q->request, TOKEN_HEADER);
	const char *found;

	if (token == NULL && sim_subject_needs_token(&q->subject)) {
		answer(q, 401);
		return;
	}
	if (token != NULL && !is_good_token(q, token)) {
		answer(q, 401);
		return;
	}
	found = sim_metadata_get(&q->subject, q->path, &q->out);
	if (found != NULL)
		q->name = found;
	answer(q, found != NULL ? 200 : 404);
}

/* /imds/INSTANCE/latest/...: -1 if there is no such instance, or its service is off. */
static int
find_instance(struct query *q, const char *target)
{
	const char *id = target + strlen(BY_INSTANCE);
	size_t len = strcspn(id, "/");
	AUTO(free) char *text = xstrndup(id, len);
	const struct sim_instance *i = sim_cloud_find_anywhere(q->sim->cloud, text);

	if (i == NULL || i->state == SIM_TERMINATED ||
		strncmp(id + len, LATEST, strlen(LATEST)) != 0 ||
		str_equal(i->launch->http_endpoint, "disabled"))
		return -1;
	q->subject.instance = i;
	q->path = id + len + strlen(LATEST);
	return 0;
}

void
sim_imds_answer(struct sim *sim, struct httpd_request *request)
{
	const char *target = httpd_target(request);
	const char *method = httpd_method(request);
	struct query q = {.sim = sim, .request = request};
	bool is_token;

	q.subject = (struct sim_subject){.host = &sim->scenario.imds,
		.wall_ms = sim_wall_ms(sim),
		.credentials = credentials,
		.arg = &q};
	q.name = "imds";
	q.path = target + strlen(LATEST);
	if (strncmp(target, BY_INSTANCE, strlen(BY_INSTANCE)) == 0 &&
		find_instance(&q, target) != 0) {
		answer(&q, 403);
		return;
	}
	is_token = strcmp(q.path, TOKEN_PATH) == 0;
	if (strcmp(method, "PUT") == 0 && is_token)
		put_token(&q);
	else if (strcmp(method, "GET") == 0 && !is_token)
		get(&q);
	else
		answer(&q, 405);
}
