/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong in the fake cloud, what its launches asked for, and which of them it
 * refuses.
 */
#ifndef SIM_FAKE_RUN_H
#define SIM_FAKE_RUN_H

#include <stdbool.h>
#include <stddef.h>

struct ec2_answer;

/* What goes wrong, in parts of a thousand per call. */
struct fake_faults {
	unsigned lose_answer; /* the effect happens, the answer is lost */
	unsigned
		late_effect; /* the answer is lost and the effect comes up to 10 min later */
	unsigned never_sent;
	unsigned throttle;
	unsigned refuse;      /* capacity */
	unsigned stale;       /* a listing or description of 3 s ago */
	unsigned lag;         /* a new instance is not visible for up to 60 s */
	unsigned fail_read;   /* a listing or description fails */
	unsigned refuse_else; /* a spot price, a quota, configuration, credentials */
};

/* What trying something gives; class 0: it is allowed. The rest follows from a code. */
struct fake_trial {
	int verdict, class, reason;
	const char *code;
	bool silent; /* never answered */
	unsigned asked;
	char what[2048]; /* of the last */
};

/* Launches there are refused with this code; NULL: any. times 0: none any more. */
struct fake_refusal {
	const char *code;
	const char *type, *subnet, *zone, *market;
	unsigned times;
};

/* One that was asked for, whatever became of it; "" is what was not said. */
struct fake_asked {
	char token[40], worker[72], type[32], subnet[32], zone[32], image[32];
	char market[16]; /* "spot", or "on-demand" */
	char price[32];
};

#define FAKE_ASKED_MAX 256

struct fake_runs {
	struct fake_refusal refusals[8];
	struct fake_asked asked[FAKE_ASKED_MAX]; /* the latest, in turn */
	size_t count;                            /* of all */
};

/* Notes what a RunInstances body asks for. False: its token has asked for something else. */
bool fake_run_note(struct fake_runs *r, const char *body);
bool fake_run_is_known(const struct fake_runs *r, const char *token);
/* The latest of all is refused: answer says how. */
bool fake_run_refused(struct fake_runs *r, struct ec2_answer *answer);
/* The answer says that it was refused with this code. */
void fake_run_refuse(const char *code, struct ec2_answer *answer);
/* The n-th of all that were asked for, from 0. */
const struct fake_asked *fake_run_asked(const struct fake_runs *r, size_t n);

#endif
