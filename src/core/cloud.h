/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations the core needs of a cloud: one struct cloud per (endpoint, region,
 * credential set), filled by cloud_ec2.c from the EC2 client, or by a simulation.
 */
#ifndef CORE_CLOUD_H
#define CORE_CLOUD_H

/* lint: includes: the operations are typed by the client and by the loop */
#include "ec2/client.h"
#include "ec2/lookup.h"
#include "sys/loop.h"

struct conf;
struct conf_worker;
struct ec2_slot;

/* Its keys could not be renewed; those in use go on for now. */
struct cloud_trouble {
	const char *text; /* borrowed until the next question */
	int64_t since_wall;
};

struct cloud_ops {
	/*
	 * A place in the launch window: granted is called once, later; then the place is held
	 * until run uses it up or slot_free gives it back. So a launch is `sending` only when
	 * its bytes really are about to leave.
	 */
	struct ec2_slot *(*slot)(void *self, loop_fn *granted, void *arg);
	void (*slot_free)(void *self, struct ec2_slot *slot);
	struct ec2_call *(*run)(void *self, struct ec2_slot *slot, const char *body,
		size_t len, ec2_instances_done *done, void *arg);
	struct ec2_call *(*list)(void *self, const char *pool, ec2_instances_done *done,
		void *arg);
	struct ec2_call *(*find_token)(void *self, const char *token,
		ec2_instances_done *done, void *arg);
	struct ec2_call *(*describe)(void *self, const char *id,
		ec2_instances_done *done, void *arg);
	struct ec2_call *(*terminate)(void *self, const char *id,
		ec2_instances_done *done, void *arg);
	struct ec2_call *(*console)(void *self, const char *id, bool latest,
		ec2_console_done *done, void *arg);
	/* What each of these asks and gives: ec2/lookup.h. */
	struct ec2_call *(*images)(void *self, const struct ec2_image_query *q,
		ec2_images_done *done, void *arg);
	struct ec2_call *(*prices)(void *self, const struct ec2_price_query *q,
		ec2_prices_done *done, void *arg);
	struct ec2_call *(*subnets)(void *self, const struct strings *ids,
		ec2_subnets_done *done, void *arg);
	struct ec2_call *(*volumes)(void *self, const struct strings *ids,
		ec2_volumes_done *done, void *arg);
	struct ec2_call *(*addresses)(void *self, const struct strings *public_ips,
		ec2_addresses_done *done, void *arg);
	struct ec2_call *(*associate)(void *self, const char *allocation,
		const char *instance, ec2_done *done, void *arg);
	struct ec2_call *(*attach)(void *self, const char *volume, const char *instance,
		const char *device, ec2_done *done, void *arg);
	/* NULL: nothing can be tagged. */
	struct ec2_call *(*tag)(void *self, const struct strings *instances,
		const char *key, const char *value, ec2_done *done, void *arg);
	struct ec2_call *(*key_pairs)(void *self, const struct strings *names,
		ec2_key_pairs_done *done, void *arg);
	struct ec2_call *(*groups)(void *self, const struct strings *names,
		const struct strings *ids, ec2_groups_done *done, void *arg);
	struct ec2_call *(*types)(void *self, const struct strings *names,
		ec2_types_done *done, void *arg);
	struct ec2_call *(*offerings)(void *self, const struct strings *types,
		ec2_offerings_done *done, void *arg);
	struct ec2_call *(*zones)(void *self, ec2_zones_done *done, void *arg);
	/* NULL: neither can be tried. */
	struct ec2_call *(*dry_run)(void *self, const char *body, size_t len,
		ec2_done *done, void *arg);
	struct ec2_call *(*dry_terminate)(void *self, const char *instance,
		ec2_done *done, void *arg);
	struct ec2_call *(*parameter)(void *self, const char *name,
		ec2_parameter_done *done, void *arg);
	/* What launches leave behind; all three, or NULL: nothing of that is looked for. */
	struct ec2_call *(*list_leftovers)(void *self, enum ec2_leftover_kind kind,
		const char *pool, ec2_leftovers_done *done, void *arg);
	struct ec2_call *(*look_at_leftover)(void *self, enum ec2_leftover_kind kind,
		const char *id, ec2_leftovers_done *done, void *arg);
	struct ec2_call *(*end_leftover)(void *self, enum ec2_leftover_kind kind,
		const char *id, ec2_done *done, void *arg);
	void (*counts)(const void *self, struct ec2_counts *ret);     /* or NULL */
	bool (*trouble)(const void *self, struct cloud_trouble *ret); /* or NULL */
	void (*cancel)(void *self, struct ec2_call *call);
	void (*free)(void *self);
};

struct cloud {
	const struct cloud_ops *ops; /* borrowed, static */
	void *self;                  /* owned, freed by ops->free */
	char *key; /* owned; "endpoint region credentials": equal keys are one cloud */
	char *region;      /* owned */
	char *credentials; /* owned; a name without secrets, as in the ledger's rows */
	char *set; /* owned; the same, and which one of several of that name, in this process */
	unsigned questions; /* under way that no launch keeps it for */
};

/* Makes clouds; the pool keeps one per key. */
struct cloud_maker {
	/*
	 * The cloud a worker's configuration asks for (worker NULL: the pool's defaults);
	 * region NULL: the effective one. The caller compares keys and frees one that it has
	 * already. Never fails: what is wrong shows in the first answer.
	 */
	struct cloud *(*make)(void *self, const struct conf *conf,
		const struct conf_worker *worker, const char *region);
	void *self;
};

/* What was asked of it so far; zeroes if it does not count. */
void cloud_counts(const struct cloud *c, struct ec2_counts *ret);
void cloud_counts_add(struct ec2_counts *sum, const struct ec2_counts *one);
/* False: nothing to tell. */
bool cloud_trouble(const struct cloud *c, struct cloud_trouble *ret);
void cloud_free(struct cloud *c);

#endif
