/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AWS's two shared files say of one profile: its keys or how they would be got, and
 * its region. The files are read anew each time, once and whole.
 */
#ifndef EC2_PROFILE_H
#define EC2_PROFILE_H

#include "base/mem.h"

struct ec2_creds_source;
struct err;

/* A set of keys that somebody owns. */
struct keyset {
	char *id;
	struct secret secret;
	struct secret token; /* text NULL: none */
};

enum look {
	LOOK_NONE, /* nothing here: the next in the chain may have some; err says what was seen */
	LOOK_FOUND,
	LOOK_FAILED, /* meant to be here, and is not usable: nobody else is asked */
};

/* The profile that the source or the environment names, or "default". Borrowed. */
const char *profile_name(const struct ec2_creds_source *source);
/* The keys stored in the files. Errors have the reason auth and name the file. */
enum look profile_keys(const struct ec2_creds_source *source, struct keyset *ret,
	struct err *err);
/* The profile's region, or NULL; whatever is wrong with the files is not told here. */
char *profile_region(const struct ec2_creds_source *source);

void keyset_fini(struct keyset *k);

#endif
