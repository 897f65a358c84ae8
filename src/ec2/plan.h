/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a profile means: keys to begin with, or where they are got, and the roles that are
 * assumed with them, one with the keys of the other. Asks nobody.
 */
#ifndef EC2_PLAN_H
#define EC2_PLAN_H

#include "ec2/keyset.h"

#include <stdbool.h>

struct ec2_creds_source;
struct err;

/* Where the first keys come from. */
enum plan_base {
	PLAN_KEYS,        /* they are in the files */
	PLAN_ENVIRONMENT, /* only there, and so on */
	PLAN_CONTAINER,
	PLAN_IMDS,
	PLAN_WEB_IDENTITY,
};

/* A role to be assumed. All owned; NULL: none. */
struct role {
	char *arn;
	char *external_id;
	char *session;       /* the name of the session */
	unsigned duration_s; /* 0: as long as STS likes */
};

struct plan {
	enum plan_base base;
	struct keyset keys; /* PLAN_KEYS */
	struct role web; /* PLAN_WEB_IDENTITY: the first role, and where its token is */
	char *token_file;
	struct role *roles; /* in the order in which they are assumed */
	size_t role_count;
};

/*
 * NONE: neither file has keys of the profile, and nobody has asked for it by its name.
 * FAILED: no way leads to keys, or not one that we can go. Errors have the reason auth.
 * ret_first, set in any case: the profile has its say before a web identity of the
 * environment, for it has a role, or nobody can tell.
 */
enum look plan_read(const struct ec2_creds_source *source, struct plan *ret,
	bool *ret_first, struct err *err);
void plan_add_role(struct plan *p, struct role *role_taken);
void plan_fini(struct plan *p);
void role_fini(struct role *r);

#endif
