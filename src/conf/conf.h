/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as plain structs: filled whole by conf_load or not at all, never
 * changed afterwards. A worker's part is counted, for it outlives a reload while a
 * launch or instance made from it lives.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "conf/conf_device.h"

#define CONF_USER_DATA_MAX 16384u /* bytes when filled in; EC2's limit */
#define CONF_PASSWORD_GENERATED_MAX 64u

/* A flag of rows: an instance made with another value is stale. */
#define CONF_LAUNCH 0x10000u

struct conf_user_data;
struct regex;
struct tmpl;

enum conf_on_stop { CONF_STOP_KEEP, CONF_STOP_TERMINATE };

struct conf_access {
	struct strings admin, operate, observe; /* user names or @groups */
};

struct conf_aws {
	char *region;
	char *identifier;
	struct secret secret_identifier;
	struct secret session_token;
	char *profile;
	char *shared_credentials_file;
	char *config_file;
	char *role_arn, *external_id;
	char *role_session_name; /* NULL: ec2workerd-POOL */
	char *ca_file;
	char *endpoint_url, *sts_endpoint_url, *ssm_endpoint_url, *imds_endpoint_url;
};

enum conf_orphans_action { CONF_ORPHANS_TERMINATE, CONF_ORPHANS_REPORT };
enum conf_orphans_volumes { CONF_VOLUMES_REPORT, CONF_VOLUMES_DELETE };

struct conf_orphans {
	int action, volumes;     /* one of each of these */
	int64_t interval, grace; /* ms */
};

struct conf_mail {
	char *smtp_url; /* NULL: mails are only logged */
	char *from;
};

struct conf_metrics {
	char *listen; /* NULL: nowhere */
};

struct conf_worker {
	unsigned refs;
	char *name;
	unsigned line; /* of its key in the file */

	struct secret password; /* text NULL when generated */
	char *password_file;
	bool password_generated;
	struct strings instance_type; /* in order of preference */
	char *ami;                    /* NULL: the last one of those that are valid */
	struct strings valid_ami_owners; /* twelve digits each; empty: anybody */
	char *valid_ami_location_regex;  /* NULL: any */
	char *ami_name;                  /* with wildcards; NULL: any */
	struct strmap ami_filters;       /* EC2's, by their names */
	struct regex *ami_location;      /* counted; that, compiled */
	char *region;    /* or aws.region; NULL: environment, profile, us-east-1 */
	char *placement; /* letter(s) behind the region */
	struct conf_user_data *shared; /* counted; one for all workers of a row */
	char *user_data; /* borrowed from shared; also what user_data_file held */
	char *user_data_file;
	/* borrowed from shared; parsed and checked; NULL if there is no user data */
	struct tmpl *user_data_tmpl;
	struct strmap vars; /* the pool's, then the worker's over them */
	char *keypair_name;
	char *security_name;
	struct strings security_group_ids;
	struct strings subnet_id; /* in order of preference; none: the default VPC */
	bool spot_instance;
	double max_spot_price;     /* dollars an hour; NAN: null, no maximum */
	bool max_spot_price_given; /* it is in the file, not built in */
	double price_multiplier;   /* NAN: null, the history is not asked */
	char *product_description;
	int64_t retry; /* spot requests per candidate */
	double retry_price_adjustment;
	bool on_demand_fallback;
	char *instance_profile_name;
	char *elastic_ip;                   /* NULL: none */
	struct field_list volumes;          /* of struct conf_volume */
	struct field_list block_device_map; /* of struct conf_device */
	struct conf_metadata metadata_options;
	struct strmap tags;
	char *identifier;
	struct secret secret_identifier;
	int64_t missing_timeout;           /* ms; 0 or FIELD_NULL: off */
	int64_t pending_timeout, dead_man; /* ms; the second FIELD_NULL: for ever */
	int64_t build_wait_timeout;        /* ms; 0: at once, negative: never */
	struct strings notify_on_missing;
};

struct conf {
	char *pool;
	char *socket;
	char *socket_mode_text; /* as written: octal digits */
	unsigned socket_mode;
	char *socket_group;
	char *state_dir;
	int on_stop;                                /* enum conf_on_stop */
	int64_t owner_timeout, owner_build_timeout; /* ms */
	int log_level;                              /* enum log_level */
	struct conf_access access;
	struct conf_aws aws;
	struct conf_mail mail;
	struct conf_metrics metrics;
	struct conf_orphans orphans;
	struct strmap vars;
	struct conf_worker **workers; /* owned references, in the order of the file */
	size_t worker_count;
	struct conf_worker **by_name; /* borrowed from workers, sorted */
	char digest[65];              /* SHA-256 of the file as read, hex */
};

/* Drops its references only: a worker somebody else holds lives on. NULL is fine. */
void conf_free(struct conf *conf);
/* What `ami: resolve:ssm:NAME` names: a parameter that holds an image's id; else NULL. */
const char *conf_ami_parameter(const struct conf_worker *w);
const struct conf_worker *conf_find(const struct conf *conf, const char *name);
struct conf_worker *conf_worker_ref(struct conf_worker *w);
void conf_worker_unref(struct conf_worker *w);

/* Launches made from a and b do not differ; else an instance of a is stale. */
bool conf_worker_launch_equal(const struct conf_worker *a, const struct conf_worker *b);
/* Whether anything differs at all. */
bool conf_worker_equal(const struct conf_worker *a, const struct conf_worker *b);

/* The first key that differs and only a restart may change (FIELD_RESTART), or NULL. */
const char *conf_restart_key(const struct conf *old, const struct conf *fresh);

/* The tables, for docs, schema and checks. */
extern const struct fields conf_fields, conf_worker_fields;

#endif
