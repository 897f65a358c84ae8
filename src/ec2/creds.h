/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of credentials: where it comes from (configuration, environment, shared files
 * with profiles), the keys in use, and one refresh in flight for all who wait (EC2.md
 * 9). Counted: the set in use stays until its last instance is gone.
 */
#ifndef EC2_CREDS_H
#define EC2_CREDS_H

#include <stdbool.h>

struct ec2_creds;
struct ec2_creds_call;
struct err;
struct loop;
struct sigv4_keys;

/*
 * Where to look, in this order: the explicit keys, the environment, the profile's files.
 * A profile that is named here goes before the environment, as in boto3. All borrowed.
 */
struct ec2_creds_source {
	const char *identifier, *secret, *session_token; /* explicit; NULL: go on */
	const char *profile; /* NULL: AWS_PROFILE, else "default" */
	/* NULL: AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials */
	const char *shared_credentials_file;
	/* NULL: AWS_CONFIG_FILE, else ~/.aws/config */
	const char *config_file;
};

/* Never fails: what is wrong shows when keys are asked for. */
struct ec2_creds *ec2_creds_new(struct loop *loop,
	const struct ec2_creds_source *source);
struct ec2_creds *ec2_creds_ref(struct ec2_creds *c);
void ec2_creds_unref(struct ec2_creds *c);

/*
 * A name for the ledger and the log that holds no secret: "keys:AKIA...",
 * "environment", "profile:ci".
 */
const char *ec2_creds_name(const struct ec2_creds *c);
/* Whether a set made from this source would look in the same places with the same keys. */
bool ec2_creds_is(const struct ec2_creds *c, const struct ec2_creds_source *source);

/* keys: borrowed for the call; NULL with err (reason auth) if there are none. */
typedef void ec2_creds_done(void *arg, const struct sigv4_keys *keys,
	const struct err *err);

/* Keys in use, or a first look. The callback comes later in any case. */
struct ec2_creds_call *ec2_creds_get(struct ec2_creds *c, ec2_creds_done *done,
	void *arg);
void ec2_creds_cancel(struct ec2_creds_call *call);
/* Tells which keys are in use: another number for others. */
unsigned ec2_creds_serial(const struct ec2_creds *c);
/*
 * EC2 refused the keys of that serial: the next to ask makes us look at the source again,
 * once for all. Keys that still are there stay in use if the look fails. False if the
 * source cannot change.
 */
bool ec2_creds_invalidate(struct ec2_creds *c, unsigned serial);

/*
 * BUILDBOT.md R2 behind the configuration: AWS_REGION, AWS_DEFAULT_REGION, the
 * profile's, us-east-1. The caller's.
 */
char *ec2_default_region(const struct ec2_creds_source *source);

#endif
