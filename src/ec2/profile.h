/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS's two shared files: which they are, and what they say of a profile. They are read
 * anew each time, once and whole.
 */
#ifndef EC2_PROFILE_H
#define EC2_PROFILE_H

#include <stdbool.h>

struct ec2_creds_source;
struct err;
struct profiles;

enum profile_file { PROFILE_CREDENTIALS, PROFILE_CONFIG, PROFILE_FILES };

/* A variable of the environment; an empty one is none. */
const char *ec2_env(const char *name);
/* The profile that the source or the environment names, or "default". Borrowed. */
const char *profile_name(const struct ec2_creds_source *source);
/* The profile's region, or NULL; whatever is wrong with the files is not told here. */
char *profile_region(const struct ec2_creds_source *source);

/* A file that is not there is empty. NULL and ERR_CONFIG or ERR_PARSE, naming the file. */
struct profiles *profiles_read(const struct ec2_creds_source *source, struct err *err);
void profiles_free(struct profiles *p);
/*
 * The last value of a key in that file, or NULL; an empty one counts as none. Key "": the
 * section itself. Borrowed.
 */
const char *profile_get(const struct profiles *p, const char *name,
	enum profile_file file, const char *key);
bool profile_exists(const struct profiles *p, const char *name);
/* As people know it, where there is no home too. Borrowed. */
const char *profile_path(const struct profiles *p, enum profile_file file);
/* Others than the owner can read or write it, so it must hold no keys. */
bool profile_open_to_others(const struct profiles *p, enum profile_file file);
/* Why there are no keys of the profile in that file. Static. */
const char *profile_seen(const struct profiles *p, const char *name,
	enum profile_file file);

#endif
