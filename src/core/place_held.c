/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has the volumes that an instance is to have: what belongs to somebody who keeps it is
 * found out before anything is launched. Whoever is at its end will let go, and the
 * instance waits for that (equip.c). Without an answer the launch goes on: equip.c looks too.
 */
#include "core/place_priv.h"

#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_device.h"
#include "core/cloud.h"
#include "core/glance.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"

#include <stdarg.h>
#include <string.h>

static const struct conf_volume *
present(const struct place *p)
{
	const struct conf_volume *all = p->conf->volumes.items;

	return &all[p->looked];
}

__attribute__((format(printf, 2, 3))) static void
refuse(struct place *p, const char *fmt, ...)
{
	AUTO(buf) struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	err_set(&p->trouble, ERR_FAILED, "volume %s as %s: %s", present(p)->volume_id,
		present(p)->device, buf_str(&text));
	p->trouble.reason = REASON_CONFIG;
	p->hopeless = true;
}

static void
on_holder(void *arg, const struct ec2_answer *a, struct ec2_instances *list)
{
	struct place *p = arg;

	p->op = NULL;
	if (a->verdict == VERDICT_DONE && list->count == 1 &&
		list->items[0].state < EC2_STATE_SHUTTING_DOWN)
		refuse(p, "it belongs to %s, which is %s", list->items[0].id,
			ec2_state_name(list->items[0].state));
	else
		p->looked++;
	loop_poke(&p->worker->poke);
}

static void
judge_holder(struct place *p, const char *id)
{
	const struct instance *i = pool_instance(p->worker->pool, id);

	if (i == NULL)
		p->op = p->cloud->ops->describe(p->cloud->self, id, on_holder, p);
	else if (i->phase == INSTANCE_CONDEMNED || instance_is_dying(i) ||
		i->launch->worker == p->worker)
		p->looked++;
	else
		refuse(p, "it belongs to %s of worker %s", id, i->launch->worker->name);
}

/* In use by nobody that is shown: it comes and goes. */
static bool
may_become_free(const char *state)
{
	static const char *const states[] = {"available", "creating", "in-use"};

	for (size_t n = 0; n < COUNT_OF(states); n++)
		if (state == NULL || strcmp(state, states[n]) == 0)
			return true;
	return false;
}

static void
judge(struct place *p, const struct ec2_volume *v)
{
	for (size_t n = 0; n < v->attachment_count; n++) {
		const struct ec2_attachment *a = &v->attachments[n];

		if (a->state != NULL && strcmp(a->state, "detached") == 0)
			continue;
		if (a->instance == NULL)
			refuse(p, "it belongs to something that is no instance");
		else
			judge_holder(p, a->instance);
		return;
	}
	if (may_become_free(v->state))
		p->looked++;
	else
		refuse(p, "its state is %s", v->state);
}

static void
on_seen(void *arg, const struct ec2_answer *a, const struct ec2_volume *seen)
{
	struct place *p = arg;

	p->glance = NULL;
	if (a->verdict == VERDICT_DONE && seen != NULL)
		judge(p, seen);
	else
		p->looked++;
	loop_poke(&p->worker->poke);
}

enum place_outcome
place_find_holders(struct place *p, int64_t *ret_again_ms, struct err *err)
{
	(void)ret_again_ms;
	(void)err;
	if (p->looked == p->conf->volumes.count)
		return PLACE_FOUND;
	p->glance = glance_volume(p->worker->pool->glances, p->cloud,
		present(p)->volume_id, on_seen, p);
	return PLACE_ASKING;
}

void
place_forget_holders(struct place *p)
{
	glance_cancel(p->glance);
	p->glance = NULL;
	if (p->op != NULL)
		p->cloud->ops->cancel(p->cloud->self, p->op);
	p->op = NULL;
	p->looked = 0;
}
