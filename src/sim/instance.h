/* SPDX-License-Identifier: Apache-2.0 */
/* An instance: its states, its bill, its console. Only cloud.c changes a state. */
#ifndef SIM_INSTANCE_H
#define SIM_INSTANCE_H

#include "launch.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct buf;
struct sim_address;
struct sim_instance;
struct sim_machine;
struct sim_volume;

/* Names and codes stand in instance.c. */
enum sim_state {
	SIM_PENDING,
	SIM_RUNNING,
	SIM_SHUTTING_DOWN,
	SIM_TERMINATED,
	SIM_STOPPING,
	SIM_STOPPED,
	SIM_STATE_COUNT
};

/* Why an instance left: stateReason, and the older `reason`. */
struct sim_reason {
	const char *code; /* "Client.UserInitiatedShutdown" */
	const char
		*message; /* "Client.UserInitiatedShutdown: User initiated shutdown" */
	const char *text; /* "User initiated"; a time in brackets follows on the wire */
};

/* When it came into a state. */
struct sim_change {
	enum sim_state state;
	int64_t at_ms; /* boottime */
	int64_t wall_ms;
};

struct sim_instance {
	char id[SIM_ID_SIZE];
	uint64_t seq;              /* order of launch, from 1 */
	struct sim_launch *launch; /* borrowed from the cloud, as we are */
	size_t index;              /* in the launch */
	enum sim_state state;
	struct sim_reason reason;
	char *reason_owned; /* backs `reason` when it came from outside */
	struct strmap tags;
	bool tags_gone; /* the API shows none any more; the ledger does */
	bool forgotten; /* the API does not know it any more */
	bool stuck;
	enum sim_state
		sticks_in; /* and gets stuck when it comes there; SIM_STATE_COUNT: nowhere */
	char *fails_with; /* stateReason/code instead of running; NULL: it does not */
	bool no_address;  /* in a copy that lags, view.h */
	struct sim_change *changes; /* owned array, of all states it was in */
	size_t change_count;
	struct sim_volume *volumes; /* borrowed, by ->next_of: what is attached to it */
	struct sim_volume *made;    /* borrowed, by ->next_made: its launch's */
	struct sim_address *address; /* borrowed: its elastic one, or NULL */
	struct buf *console;         /* NULL: nothing yet */
	bool is_protected;           /* from termination by the API */
	bool request_cancelled;      /* of a spot instance */
	int64_t console_wall_ms;
	struct sim_machine *machine; /* sim/userdata.c's, NULL if no process plays it */
	int64_t born_ms;             /* boottime */
	int64_t running_ms;          /* boottime of the present run */
	int64_t billed_ms;           /* of finished runs */
	int64_t charged_s;     /* the same at 60 s at least for each run, rounded up */
	int64_t ended_wall_ms; /* when it began to end: shutting-down; 0 before */
	int64_t terminated_wall_ms;
	size_t due;                       /* place in the cloud's heap */
	UT_hash_handle hh;                /* by id */
	struct sim_instance *prev, *next; /* not yet forgotten, in order of launch */
};

typedef void sim_instance_fn(void *arg, struct sim_instance *i, enum sim_state from);

/* In the order of the enum; ends with NULL. */
extern const char *const sim_state_names[];
const char *sim_state_name(enum sim_state state);
int sim_state_code(enum sim_state state);
/* Pending, running, stopping or stopped: what invariants call live. */
bool sim_state_is_live(enum sim_state state);
/* -1 if it is none. */
int sim_state_find(const char *name, enum sim_state *ret_state);

/* Milliseconds of running so far. */
int64_t sim_instance_billed_ms(const struct sim_instance *i, int64_t now_ms);
/* Seconds EC2 would charge so far. */
int64_t sim_instance_charged_s(const struct sim_instance *i, int64_t now_ms);
/* Writes down that it is in its state from now. */
void sim_instance_note(struct sim_instance *i, int64_t now_ms, int64_t wall_ms);
/* "10.0.0.1" and the like, from the order of launch. Return text. */
char *sim_instance_private_ip(const struct sim_instance *i,
	char text[static SIM_ID_SIZE]);
/* Its elastic one, or one of its own while it runs; or empty. */
char *sim_instance_public_ip(const struct sim_instance *i,
	char text[static SIM_ID_SIZE]);
/* Gives it a reason made up outside; both texts are copied. */
void sim_instance_set_reason(struct sim_instance *i, const char *code,
	const char *message);
/* Appends to the console, of which the last 64 KiB are kept. */
void sim_instance_print(struct sim_instance *i, const char *data, size_t len);
/* How many bytes at the end of the console count. */
size_t sim_instance_console_len(const struct sim_instance *i);

void sim_instance_free(struct sim_instance *i);

#endif
