/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes: those that launches make and those that are made or given by themselves, what
 * each is attached to, and for how long it has been paid. Deleted ones stay known for
 * the ledger. An instance's end lets go of its volumes at once; all else takes a while.
 */
#ifndef SIM_VOLUME_H
#define SIM_VOLUME_H

#include "instance.h"

struct sim_cloud;
struct sim_volumes;

/* Names stand in volume.c. */
enum sim_volume_state {
	SIM_VOLUME_CREATING,
	SIM_VOLUME_AVAILABLE,
	SIM_VOLUME_HELD, /* in-use */
	SIM_VOLUME_DELETED,
	SIM_VOLUME_STATE_COUNT
};

enum sim_attachment {
	SIM_DETACHED, /* there is none */
	SIM_ATTACHING,
	SIM_ATTACHED,
	SIM_DETACHING,
	SIM_ATTACHMENT_COUNT
};

/* Strings are owned. Only volume.c changes one, but for its tags. */
struct sim_volume {
	char id[SIM_ID_SIZE];
	uint64_t seq; /* order of creation, from 1 */
	char *region, *zone, *type;
	char *token, *digest; /* of CreateVolume, or NULL */
	int64_t size;         /* GiB */
	struct strmap tags;
	enum sim_volume_state state;
	int64_t made_ms, ended_ms; /* boottime; ended_ms 0 until it is deleted */
	int64_t made_wall_ms, ended_wall_ms;
	const struct sim_instance *maker; /* whose launch made it, or NULL */
	enum sim_attachment attachment;
	struct sim_instance *instance; /* borrowed; NULL when it is detached */
	char *device;                  /* of this attachment or the last */
	bool delete_on_termination;    /* the same */
	int64_t attached_wall_ms;
	int64_t due_ms;                 /* when it moves on, INT64_MAX: not by itself */
	struct sim_volume *next_made;   /* of the maker */
	struct sim_volume *next_of;     /* of the instance */
	struct sim_volume *prev, *next; /* of those that move */
	UT_hash_handle hh;              /* by id, in order of creation */
};

/* A volume as a scenario gives it. */
struct sim_volume_row {
	char *id, *zone, *type;
	int64_t size;
	struct strmap tags;
};

extern const struct fields sim_volume_fields;

const char *sim_volume_state_name(enum sim_volume_state state);
const char *sim_attachment_name(enum sim_attachment attachment);

/* delay_ms is borrowed and may change: from creating, attaching and detaching onward. */
struct sim_volumes *sim_volumes_new(const int64_t *delay_ms);
/* Forgets all. Instances must be gone, or lose their pointers too. */
void sim_volumes_clear(struct sim_volumes *vs);
void sim_volumes_free(struct sim_volumes *vs);

/* A new one, creating; its strings but region and zone are the caller's to give. */
struct sim_volume *sim_volumes_add(struct sim_volumes *vs, const char *id,
	const char *region, const char *zone);
/* Adds what is not there yet, available. */
void sim_volumes_add_rows(struct sim_volumes *vs, const struct sim_volume_row *list,
	size_t count);
/* The first, also of those deleted; ->hh.next leads on. */
struct sim_volume *sim_volumes_first(const struct sim_volumes *vs);
/* Not deleted, and in that region; or NULL. */
struct sim_volume *sim_volumes_find(const struct sim_volumes *vs, const char *region,
	const char *id);

void sim_volume_attach(struct sim_volumes *vs, struct sim_volume *v,
	struct sim_instance *i, const char *device);
void sim_volume_detach(struct sim_volumes *vs, struct sim_volume *v);
void sim_volume_delete(struct sim_volumes *vs, struct sim_volume *v);
/* Does what is due at now_ms (boottime). */
void sim_volumes_advance(struct sim_volumes *vs, int64_t now_ms);

/* Its disks, when an instance is made; ids of make_id. They are attached when it runs. */
void sim_volumes_equip(struct sim_volumes *vs, struct sim_instance *i,
	struct sim_cloud *cloud);
/* The instance has another state since late_ms ago: what that means for its volumes. */
void sim_volumes_on_state(struct sim_volumes *vs, struct sim_instance *i,
	int64_t late_ms);

/* Milliseconds of being there so far, which all are paid. */
int64_t sim_volume_billed_ms(const struct sim_volume *v, int64_t now_ms);

#endif
