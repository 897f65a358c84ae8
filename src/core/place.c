/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding a place is a list of stages. Each either knows its fact already, or asks for it
 * and is looked at again when the worker is poked.
 */
#include "core/place.h"

#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker.h"

struct place {
	struct worker *worker;    /* borrowed, outlives us */
	struct conf_worker *conf; /* counted */
	struct cloud *cloud; /* borrowed; the pool keeps it while the worker means it */
	bool asking;         /* an answer is awaited */
	char *zone;          /* owned, or NULL */
	char *image;         /* owned; NULL: not known yet */
};

/* FOUND: the next stage follows. */
typedef enum place_outcome stage(struct place *p, struct err *err);

static enum place_outcome
find_zone(struct place *p, struct err *err)
{
	(void)err;
	if (p->zone == NULL && p->conf->placement != NULL)
		p->zone = xasprintf("%s%s", p->cloud->region, p->conf->placement);
	return PLACE_FOUND;
}

static enum place_outcome
find_image(struct place *p, struct err *err)
{
	(void)err;
	if (p->image == NULL)
		p->image = xstrdup(p->conf->ami);
	return PLACE_FOUND;
}

static stage *const stages[] = {
	find_zone,
	find_image,
};

enum place_outcome
place_step(struct place *p, struct placement *ret, struct err *err)
{
	if (place_is_asking(p))
		return PLACE_ASKING;
	for (size_t n = 0; n < COUNT_OF(stages); n++) {
		enum place_outcome outcome = stages[n](p, err);

		if (outcome != PLACE_FOUND)
			return outcome;
	}
	*ret = (struct placement){
		.type = p->conf->instance_type,
		.image = p->image,
		.subnet = p->conf->subnet_id,
		.zone = p->zone,
	};
	return PLACE_FOUND;
}

bool
place_is_asking(const struct place *p)
{
	return p != NULL && p->asking;
}

void
place_forget(struct place *p)
{
	if (p == NULL)
		return;
	free(p->image);
	p->image = NULL;
}

struct place *
place_new(struct worker *w)
{
	struct place *p = NEW(struct place);

	p->worker = w;
	p->conf = conf_worker_ref(w->conf);
	p->cloud = poller_cloud(pool_poller(w));
	return p;
}

void
place_free(struct place *p)
{
	if (p == NULL)
		return;
	conf_worker_unref(p->conf);
	free(p->zone);
	free(p->image);
	free(p);
}
