/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elastic addresses: allocated or given by a scenario, associated with one instance or
 * with none. Released ones stay known for the ledger.
 */
#ifndef SIM_ADDRESS_H
#define SIM_ADDRESS_H

#include "instance.h"

struct sim_addresses;
struct sim_cloud;

/* Strings are owned. */
struct sim_address {
	uint64_t seq;                  /* order of allocation, from 1 */
	char allocation[SIM_ID_SIZE];  /* eipalloc-... */
	char association[SIM_ID_SIZE]; /* eipassoc-..., "" without */
	char *public_ip, *region;
	struct strmap tags;
	struct sim_instance *instance; /* borrowed; NULL when it is free */
	bool released;
	int64_t made_wall_ms, ended_wall_ms;
	struct sim_address *next;
};

/* An address as a scenario gives it. */
struct sim_address_row {
	char *public_ip, *allocation_id, *region;
	struct strmap tags;
};

extern const struct fields sim_address_fields;

struct sim_addresses *sim_addresses_new(void);
/* Forgets all. Instances must be gone, or lose their pointers too. */
void sim_addresses_clear(struct sim_addresses *as);
void sim_addresses_free(struct sim_addresses *as);

/*
 * A new one, with an id of the cloud's. Without a public_ip the first that is free of
 * 203.0.113.0/24, which is for documents (RFC 5737), and beyond it of 198.51.100.0/24.
 */
struct sim_address *sim_addresses_add(struct sim_addresses *as, struct sim_cloud *cloud,
	const char *region, const char *public_ip);
/* Adds what is not there yet. */
void sim_addresses_add_rows(struct sim_addresses *as, struct sim_cloud *cloud,
	const struct sim_address_row *list, size_t count);
/* The first, also of those released; ->next leads on. */
struct sim_address *sim_addresses_first(const struct sim_addresses *as);
/* By the one of the three that is not NULL; not released, in that region. Or NULL. */
struct sim_address *sim_addresses_find(const struct sim_addresses *as,
	const char *region, const char *public_ip, const char *allocation,
	const char *association);
/* How many that region has. */
size_t sim_addresses_count(const struct sim_addresses *as, const char *region);
/* Whether it once was an address's association. */
bool sim_addresses_knew(const struct sim_addresses *as, const char *association);

/* Moves the address to the instance, and whatever address that had away from it. */
void sim_address_associate(struct sim_addresses *as, struct sim_address *a,
	struct sim_instance *i, struct sim_cloud *cloud);
/* Fine when it is free. */
void sim_address_free_up(struct sim_addresses *as, struct sim_address *a);
void sim_address_release(struct sim_addresses *as, struct sim_address *a);

#endif
