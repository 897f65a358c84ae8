/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cloud in memory for simulations of the core: it keeps what EC2 would keep, answers
 * late, loses answers, applies effects late, shows stale or partial listings, and watches
 * the invariants itself.
 */
#ifndef SIM_FAKE_CLOUD_H
#define SIM_FAKE_CLOUD_H

#include "core/cloud.h"

#include "base/rng.h"
#include "ec2/query_region.h"
#include "fake_run.h"

#define FAKE_INSTANCES_MAX 4096

/* By the process that is simulated; ours, in nobody's books; whose end would be wrong. */
enum fake_origin { FAKE_LAUNCHED, FAKE_LOST, FAKE_STRANGER };

struct fake_instance {
	char id[24];
	char token[40], launch[40], worker[72], lineage[40];
	int64_t generation, epoch;
	int state; /* enum ec2_state, the truth */
	int64_t born_wall;
	int64_t born_ms, due_ms; /* due: of the next change of state, 0 none */
	int64_t visible_ms;      /* not listed before */
	int64_t died_ms;
	bool attached,
		building; /* what the machine's worker is doing, for the actors */
	bool may_die;     /* a stop was asked for, or a limit may act */
	bool untagged;    /* no listing shows it, its id does */
	enum fake_origin origin;
	int64_t untagged_ms; /* from then on it has none of our tags; 0: never */
	char lease[40];      /* its tag of that name */
};

struct fake_cloud {
	struct loop *loop;
	struct rng *rng;
	struct rng left_rng; /* of leftovers, so that they change no other chance */
	struct fake_faults faults;
	struct fake_instance instances[FAKE_INSTANCES_MAX];
	size_t count;
	bool deaf; /* the process is about to die: nothing more leaves it */
	uint64_t runs, terminates, listings, describes;
	char violation[512]; /* the first broken invariant, or "" */
	struct fake_effect *effects;
	/* Tests say what there is; what associate and attach do is done to it. Owned. */
	struct ec2_images images;
	struct ec2_prices prices;
	struct ec2_subnets subnets;
	struct ec2_volumes volumes;
	struct ec2_addresses addresses;
	struct ec2_key_pairs key_pairs;
	struct ec2_groups groups;
	struct ec2_types types;
	struct ec2_offerings offerings;
	struct ec2_zones zones;
	struct ec2_leftovers leftovers; /* both kinds, told apart by their ids */
	size_t left_volumes;            /* so many of them the simulation has made */
	unsigned leftover_lists[EC2_LEFTOVER_KIND_COUNT], leftover_ends;
	const char *fills_late; /* what the next cancelled request has started */
	const char
		*parameter; /* the value of every one; NULL: there is none. Borrowed */
	/* Without trials, clouds that are made have no operations that try something. */
	bool trials;
	struct fake_trial dry_run, dry_terminate;
	/* How often each was asked. */
	unsigned image_lists, price_lists, subnet_lists, volume_lists, address_lists,
		associates, attaches, parameters_read, tags;
	size_t tagged;             /* how many instances the last of these named */
	struct fake_thing_answer { /* the next changes are answered like this */
		int verdict, class, reason; /* enums verdict, ec2_class, err_reason */
		bool effect;                /* nonetheless */
		unsigned times;
	} thing_answer;
	struct cloud_ops ops; /* of all its clouds */
	struct cloud_maker maker;
	/* Tests: the next runs are answered like this, with or without effect. */
	struct fake_answer {
		int verdict,
			class; /* enums verdict, ec2_class; DONE is a good answer */
		bool effect;
		unsigned times;
	} script[4];
	struct fake_runs runs_asked;
	bool may_not_ask; /* about what is no instance */
	bool may_not_terminate;
	bool may_not_list;
	const char *out;       /* a zone that is; NULL: none */
	const char *out_state; /* of that zone; NULL: impaired */
	int64_t told_ms; /* boottime since when the process knows that; 0: it does not */
	const char *zone;    /* of every instance; NULL: it is not shown */
	const char *console; /* of every instance; NULL: "boot" */
	bool force_twin;     /* the next run starts two */
	bool short_memory;   /* terminated instances vanish after ten minutes */
};

void fake_cloud_init(struct fake_cloud *f, struct rng *rng);
/* Each life of the process has a loop of its own; effects under way go on without it. */
void fake_cloud_attach(struct fake_cloud *f, struct loop *loop);
/* Lets time act on instances and on late effects. When the next change is due, or INT64_MAX. */
int64_t fake_cloud_tick(struct fake_cloud *f);
/* One runs that this process has not launched; lineage NULL: it has only the pool's tag. */
struct fake_instance *fake_add_instance(struct fake_cloud *f, const char *worker,
	int64_t generation, const char *lineage, int64_t epoch);
/* An instance dies by other hands. */
void fake_cloud_kill(struct fake_cloud *f, struct fake_instance *i, int state);
size_t fake_cloud_living(const struct fake_cloud *f);
/* Those among them that are a stranger's. */
size_t fake_cloud_strangers(const struct fake_cloud *f);
bool fake_is_living(const struct fake_instance *i);
/* Adds to what there is. */
void fake_add_image(struct fake_cloud *f, const char *id, const char *location,
	const char *state);
void fake_add_price(struct fake_cloud *f, const char *type, const char *zone,
	const char *price);
void fake_add_subnet(struct fake_cloud *f, const char *id, const char *zone);
void fake_add_volume(struct fake_cloud *f, const char *id, const char *zone);
/* Its allocation is "eipalloc-" and a number; returns it. */
const char *fake_add_address(struct fake_cloud *f, const char *public_ip);
void fake_add_key_pair(struct fake_cloud *f, const char *name);
void fake_add_group(struct fake_cloud *f, const char *id, const char *name,
	const char *vpc);
/* architectures: "x86_64 i386"; offered in one zone, once more for another. */
void fake_add_type(struct fake_cloud *f, const char *name, const char *architectures,
	const char *zone);
void fake_add_zone(struct fake_cloud *f, const char *name);
/* What is there of that id or address, or NULL. */
struct ec2_volume *fake_volume(struct fake_cloud *f, const char *id);
struct ec2_address *fake_address(struct fake_cloud *f, const char *public_ip);
/* By other hands; instance NULL: none has it. */
void fake_give_volume(struct ec2_volume *v, const char *instance, const char *device);
void fake_give_address(struct ec2_address *a, const char *instance);
void fake_cloud_fini(struct fake_cloud *f);

#endif
