/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of credentials: the keys in use, until when they are good, and one look for others
 * in flight for all who wait (EC2.md 9). Keys that were good once outlive a source that has
 * none. Counted: the set in use stays until its last instance is gone.
 */
#ifndef EC2_CREDS_H
#define EC2_CREDS_H

#include <stdbool.h>
#include <stdint.h>

struct ec2_creds;
struct ec2_creds_call;
struct err;
struct http;
struct loop;
struct sigv4_keys;

/*
 * Where to look: the explicit keys, the environment, a profile's role, a web identity, the
 * profile's other ways, the container's agent, the machine's role. A profile that is named
 * here goes before the environment, as in boto3. All borrowed; NULL: nobody has said.
 */
struct ec2_creds_source {
	const char *identifier, *secret, *session_token; /* explicit */
	const char *profile;                 /* else AWS_PROFILE, else "default" */
	const char *shared_credentials_file; /* else the variable, ~/.aws/credentials */
	const char *config_file;             /* else AWS_CONFIG_FILE, ~/.aws/config */
	const char *role_arn; /* to be assumed with whatever was found, or none */
	const char *external_id;
	const char *session_name;  /* of a role's session; else "ec2workerd" */
	const char *region;        /* of STS; else us-east-1 */
	const char *sts_endpoint;  /* else that of the region */
	const char *imds_endpoint; /* else the environment's, the standard one */
	const char *ca_file;       /* as of any client */
};

/* Never fails: what is wrong shows when keys are asked for. loop and http are borrowed. */
struct ec2_creds *ec2_creds_new(struct loop *loop, struct http *http,
	const struct ec2_creds_source *source);
struct ec2_creds *ec2_creds_ref(struct ec2_creds *c);
void ec2_creds_unref(struct ec2_creds *c);

/*
 * A name for the ledger and the log that holds no secret: "keys:AKIA...", "role:arn:...",
 * "environment", "web-identity:arn:...", "profile:ci", "container", "imds". The same as long
 * as configuration, environment and files say the same.
 */
const char *ec2_creds_name(const struct ec2_creds *c);
/* Whether a set made from this source would look in the same places with the same keys. */
bool ec2_creds_is(const struct ec2_creds *c, const struct ec2_creds_source *source);

/*
 * keys: borrowed for the call; NULL with err (reason auth) if there are none: what was
 * tried, in order. ERR_NETWORK: it may pass by itself.
 */
typedef void ec2_creds_done(void *arg, const struct sigv4_keys *keys,
	const struct err *err);

/*
 * Keys in use, or the outcome of a look, which is waited for if there are none, if they were
 * refused, and shortly before they expire. The callback comes later in any case.
 */
struct ec2_creds_call *ec2_creds_get(struct ec2_creds *c, ec2_creds_done *done,
	void *arg);
void ec2_creds_cancel(struct ec2_creds_call *call);
/* Tells which keys are in use: another number for others. */
unsigned ec2_creds_serial(const struct ec2_creds *c);
/*
 * EC2 refused the keys of that serial: the next to ask makes us look at the source again,
 * once for all. Keys that still are there stay in use if the look fails. False if nothing
 * else is to be expected: the source cannot change, or was asked a moment ago.
 */
bool ec2_creds_invalidate(struct ec2_creds *c, unsigned serial);

/* A look that failed while there are keys in use. */
struct ec2_creds_trouble {
	const char *text; /* what was tried, and how long the keys still last */
	int64_t since_wall;
};
/* False if the last look was good, or there are no keys at all. Borrowed until the next. */
bool ec2_creds_trouble(struct ec2_creds *c, struct ec2_creds_trouble *ret);
/* fn is called when that has become true, and when it is over. One at most. */
void ec2_creds_watch(struct ec2_creds *c, void (*fn)(void *arg), void *arg);

/*
 * BUILDBOT.md R2 behind the configuration: AWS_REGION, AWS_DEFAULT_REGION, the
 * profile's, us-east-1. The caller's.
 */
char *ec2_default_region(const struct ec2_creds_source *source);

#endif
