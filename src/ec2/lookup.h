/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's operations on what is not an instance. A list is all of its pages or nothing:
 * borrowed for the call, empty unless DONE; its elements may be taken (zero what you take).
 * One id that EC2 does not know refuses all of a lookup by ids.
 */
#ifndef EC2_LOOKUP_H
#define EC2_LOOKUP_H

/* lint: includes: the kind of what is left is part of its questions */
#include "ec2/query.h"
#include "ec2/query_leftover.h"

struct ec2_key_pairs;
struct ec2_groups;
struct ec2_types;
struct ec2_offerings;
struct ec2_zones;
struct ec2_answer;
struct ec2_call;
struct ec2_client;
struct strings;
struct strmap;

typedef void ec2_images_done(void *arg, const struct ec2_answer *answer,
	struct ec2_images *list);
typedef void ec2_prices_done(void *arg, const struct ec2_answer *answer,
	struct ec2_prices *list);
typedef void ec2_subnets_done(void *arg, const struct ec2_answer *answer,
	struct ec2_subnets *list);
typedef void ec2_volumes_done(void *arg, const struct ec2_answer *answer,
	struct ec2_volumes *list);
typedef void ec2_addresses_done(void *arg, const struct ec2_answer *answer,
	struct ec2_addresses *list);
/* The lists of these are in query_region.h. */
typedef void ec2_key_pairs_done(void *arg, const struct ec2_answer *answer,
	struct ec2_key_pairs *list);
typedef void ec2_groups_done(void *arg, const struct ec2_answer *answer,
	struct ec2_groups *list);
typedef void ec2_types_done(void *arg, const struct ec2_answer *answer,
	struct ec2_types *list);
typedef void ec2_offerings_done(void *arg, const struct ec2_answer *answer,
	struct ec2_offerings *list);
typedef void ec2_zones_done(void *arg, const struct ec2_answer *answer,
	struct ec2_zones *list);
/* value: borrowed for the call, never empty; NULL unless DONE. */
typedef void ec2_parameter_done(void *arg, const struct ec2_answer *answer,
	const char *value);
typedef void ec2_leftovers_done(void *arg, const struct ec2_answer *answer,
	struct ec2_leftovers *list);
typedef void ec2_done(void *arg, const struct ec2_answer *answer);

/* Borrowed. */
struct ec2_price_query {
	const char *type;
	const char *zone;    /* NULL: all of the region */
	const char *product; /* "Linux/UNIX" */
	int64_t since_wall_ms;
};

/* Borrowed. Each may be NULL or empty; all are: the region's public images, for minutes. */
struct ec2_image_query {
	const struct strings *owners, *ids;
	const char *name;             /* with the wildcards * and ? */
	const struct strmap *filters; /* EC2's, by their names */
};

struct ec2_call *ec2_list_images(struct ec2_client *c, const struct ec2_image_query *q,
	ec2_images_done *done, void *arg);
struct ec2_call *ec2_spot_prices(struct ec2_client *c, const struct ec2_price_query *q,
	ec2_prices_done *done, void *arg);
struct ec2_call *ec2_subnets(struct ec2_client *c, const struct strings *ids,
	ec2_subnets_done *done, void *arg);
struct ec2_call *ec2_volumes(struct ec2_client *c, const struct strings *ids,
	ec2_volumes_done *done, void *arg);
struct ec2_call *ec2_addresses(struct ec2_client *c, const struct strings *public_ips,
	ec2_addresses_done *done, void *arg);
struct ec2_call *ec2_key_pairs(struct ec2_client *c, const struct strings *names,
	ec2_key_pairs_done *done, void *arg);
/* By names, of the default VPC, or by ids; not by both. */
struct ec2_call *ec2_groups(struct ec2_client *c, const struct strings *names,
	const struct strings *ids, ec2_groups_done *done, void *arg);
struct ec2_call *ec2_types(struct ec2_client *c, const struct strings *names,
	ec2_types_done *done, void *arg);
/* In which zones of the region each of these types can be had. */
struct ec2_call *ec2_offerings(struct ec2_client *c, const struct strings *types,
	ec2_offerings_done *done, void *arg);
/* All of the region that the account may use. */
struct ec2_call *ec2_zones(struct ec2_client *c, ec2_zones_done *done, void *arg);
/* SSM's parameter of that name; class CONFIG if there is none. */
struct ec2_call *ec2_parameter(struct ec2_client *c, const char *name,
	ec2_parameter_done *done, void *arg);
/*
 * What would become of it, and nothing happens; a token in the body is left out. DONE (class DRY_RUN): it is allowed and
 * well-formed. REFUSED with class AUTH: it is not allowed. Any other answer is about
 * something else, as its class says.
 */
struct ec2_call *ec2_dry_run(struct ec2_client *c, const char *body, size_t len,
	ec2_done *done, void *arg);
struct ec2_call *ec2_dry_terminate(struct ec2_client *c, const char *instance,
	ec2_done *done, void *arg);
/*
 * Never takes an address away from anyone: one in use is class STATE. MISSING: EC2 does not
 * see the instance yet.
 */
struct ec2_call *ec2_associate_address(struct ec2_client *c, const char *allocation,
	const char *instance, ec2_done *done, void *arg);
/*
 * One tag on several instances, at most EC2_TAGGED_MAX: all of them or none. MISSING: EC2
 * does not see one of them.
 */
struct ec2_call *ec2_tag_instances(struct ec2_client *c, const struct strings *ids,
	const char *key, const char *value, ec2_done *done, void *arg);
/* DONE: attaching, perhaps attached; ec2_volumes says which. MISSING as above. */
struct ec2_call *ec2_attach_volume(struct ec2_client *c, const char *volume,
	const char *instance, const char *device, ec2_done *done, void *arg);

/*
 * Unattached volumes, or spot requests that may still start something or have done so, with
 * this pool's tag.
 */
struct ec2_call *ec2_list_leftovers(struct ec2_client *c, enum ec2_leftover_kind kind,
	const char *pool, ec2_leftovers_done *done, void *arg);
/* The one of that id, whatever its state. */
struct ec2_call *ec2_look_at_leftover(struct ec2_client *c, enum ec2_leftover_kind kind,
	const char *id, ec2_leftovers_done *done, void *arg);
/*
 * Deletes a volume, which EC2 refuses (class STATE) while something has it; cancels a request,
 * whose instance goes on.
 */
struct ec2_call *ec2_end_leftover(struct ec2_client *c, enum ec2_leftover_kind kind,
	const char *id, ec2_done *done, void *arg);

#endif
