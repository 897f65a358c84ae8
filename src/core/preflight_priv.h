/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the parts of the preflight: what may be asked of a cloud, each question
 * once (preflight.c), and what follows from the answers for a row (preflight_row.c).
 */
#ifndef CORE_PREFLIGHT_PRIV_H
#define CORE_PREFLIGHT_PRIV_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct cloud;
struct conf_worker;
struct preflight;
struct preflight_result;

/* What is asked about stands behind each. */
enum question {
	ASK_ZONES,      /* nothing: those of the region */
	ASK_KEY_PAIR,   /* its name */
	ASK_GROUP_NAME, /* a name in the default network */
	ASK_GROUP,      /* its id */
	ASK_SUBNET,     /* its id */
	ASK_IMAGE,      /* its id */
	ASK_PARAMETER,  /* its name: the image it names */
	ASK_CHOICE,     /* a worker's name: which image it would get now */
	ASK_TYPE,       /* its name */
	ASK_OFFERS,     /* a type: the zones that have it */
	ASK_VOLUME,     /* its id */
	ASK_ADDRESS,    /* the address */
	ASK_PRICES, /* a type, a zone or -, and the product of the worker, with blanks */
	ASK_INSTANCE,  /* nothing: one of the pool's, to try a terminate on */
	ASK_RUN,       /* a body of RunInstances, tried out */
	ASK_TERMINATE, /* an instance, tried out */
	ASK_COUNT
};

enum found {
	FOUND_YES,
	FOUND_NO,
	FOUND_FORBIDDEN, /* these credentials may not do or look */
	FOUND_UNKNOWN,   /* no answer that means anything */
};

/* What an answer had of these; NULL otherwise. Owned. */
struct facts {
	char *id, *state, *zone, *vpc, *architecture;
	char **words; /* zones, architectures; NULL-terminated, or NULL */
};

struct answer {
	enum found found;
	int class; /* enum ec2_class */
	struct err err;
	struct facts facts;
	size_t told_row; /* that tells of it, of several; from 1, 0: none yet */
};

enum preflight_level {
	TELL_FAULT,      /* it would not work */
	TELL_UNANSWERED, /* it could not be found out */
	TELL_WARNING,
};

/* The file that is examined, and what came of it. */
struct preflight_file {
	const struct conf *conf;         /* borrowed */
	struct conf_problems *problems;  /* borrowed */
	struct preflight_result *result; /* borrowed */
	bool telling;                    /* the last pass */
};

/* One row of workers under examination. Pointers are borrowed from answers and worker. */
struct preflight_row {
	struct preflight *all;
	struct preflight_file *file;
	size_t row;
	const struct conf_worker *worker; /* the first of the row */
	struct cloud *cloud;
	bool waiting; /* something is not answered yet */

	/* What was found good, or NULL: what a trial launch is made of. */
	const char *image, *architecture, *type, *key, *subnet, *zone;
	bool groups; /* all of them are good */
};

/* NULL: not answered yet; it is asked, and the row examined again. */
struct answer *preflight_ask(struct preflight_row *r, enum question question,
	const char *what);
/* A finding at a key of the row, or at an element of its list (conf_places.h). */
void preflight_tell(struct preflight_row *r, enum preflight_level level,
	const char *key, int item, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* The same about the credentials of the row, wherever they come from. */
void preflight_tell_credentials(struct preflight_row *r, enum preflight_level level,
	const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same about its region. */
void preflight_tell_region(struct preflight_row *r, enum preflight_level level,
	const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Whether the row says it itself, not by worker_defaults. */
bool preflight_has(const struct preflight_row *r, const char *key);
const char *preflight_pool(const struct preflight_row *r);

/* preflight_row.c: asks what it must know, tells what it knows. Repeated until all is known. */
void preflight_examine(struct preflight_row *r);

#endif
