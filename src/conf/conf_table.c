/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every key of the configuration file outside the workers, one row each: name, type,
 * default, form, text for the manual. What needs more than one key to be judged is in
 * conf_check.c.
 */
#include "conf/conf.h"
#include "conf/conf_form.h"

#include "base/log.h"

#define RANGE "\\[[0-9]{1,9}-[0-9]{1,9}\\]" /* of workers */
#define MONTH (INT64_C(30) * 86400 * 1000)

static const char *const on_stop_names[] = {"keep", "terminate", NULL};

static const struct field access_rows[] = {
	{
		.name = "admin",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY,
		.offset = FIELD_AT(struct conf_access, admin, struct strings),
		.check = form_user,
		.example = "[alice]",
		.doc = "Users and @groups who may do everything. Root and the daemon's own user "
		       "always may.",
	},
	{
		.name = "operate",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY,
		.offset = FIELD_AT(struct conf_access, operate, struct strings),
		.check = form_user,
		.example = "[buildbot]",
		.doc = "Users and @groups who may start and stop workers and report facts about "
		       "them; the build master's user belongs here.",
	},
	{
		.name = "observe",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY,
		.offset = FIELD_AT(struct conf_access, observe, struct strings),
		.check = form_user,
		.example = "[\"@adm\"]",
		.doc = "Users and @groups who may look.",
	},
	{.name = NULL},
};

static const struct fields access_fields = {"access", access_rows,
	sizeof(struct conf_access)};

static const struct field aws_rows[] = {
	{
		.name = "region",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_aws, region, char *),
		.check = form_region,
		.pattern = FORM_REGION_PATTERN,
		.example = "us-west-2",
		.doc = "Region of the workers that name none themselves. Without it: AWS_REGION, "
		       "AWS_DEFAULT_REGION, the profile's region, us-east-1.",
	},
	{
		.name = "identifier",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_aws, identifier, char *),
		.check = form_key_id,
		.example = "AKIAIOSFODNN7EXAMPLE",
		.doc = "Access key id. Better none: a profile or the machine's role keeps keys out "
		       "of this file. Needs secret_identifier.",
	},
	{
		.name = "secret_identifier",
		.type = FIELD_SECRET,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_aws, secret_identifier, struct secret),
		.doc = "Secret access key. A file that holds one must be readable by its owner "
		       "only.",
	},
	{
		.name = "session_token",
		.type = FIELD_SECRET,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_aws, session_token, struct secret),
		.doc = "Session token of temporary keys.",
	},
	{
		.name = "profile",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_aws, profile, char *),
		.check = form_printable,
		.example = "ci",
		.doc = "Profile to read from the shared credentials and config files.",
	},
	{
		.name = "shared_credentials_file",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_aws, shared_credentials_file, char *),
		.check = form_printable,
		.example = "/etc/ec2workerd/credentials",
		.doc = "Shared credentials file in the AWS format; without it "
		       "AWS_SHARED_CREDENTIALS_FILE, then ~/.aws/credentials.",
	},
	{
		.name = "config_file",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_aws, config_file, char *),
		.check = form_printable,
		.example = "/etc/ec2workerd/aws-config",
		.doc = "Config file in the AWS format; without it AWS_CONFIG_FILE, then "
		       "~/.aws/config.",
	},
	{
		.name = "role_arn",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_aws, role_arn, char *),
		.check = form_role_arn,
		.example = "arn:aws:iam::123456789012:role/ci",
		.doc = "Role to assume with the credentials found otherwise; a worker with an "
		       "identifier of its own assumes none.",
	},
	{
		.name = "external_id",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_aws, external_id, char *),
		.check = form_external_id,
		.example = "4f2c",
		.doc = "External id that the role's trust policy asks for. Needs role_arn.",
	},
	{
		.name = "role_session_name",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_aws, role_session_name, char *),
		.check = form_session_name,
		.example = "ec2workerd-linux",
		.doc = "Name of the sessions of assumed roles, as CloudTrail shows it, where the "
		       "profile gives none; without it ec2workerd-POOL.",
	},
	{
		.name = "ca_file",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_aws, ca_file, char *),
		.check = form_printable,
		.example = "/etc/ssl/certs/ca-certificates.crt",
		.doc = "Certificates to trust, PEM; without it AWS_CA_BUNDLE, then the system's.",
	},
	{
		.name = "endpoint_url",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_aws, endpoint_url, char *),
		.check = form_endpoint,
		.example = "http://127.0.0.1:5000",
		.doc = "Send EC2 requests here instead of to the region's endpoint; for ec2sim "
		       "and the like.",
	},
	{
		.name = "sts_endpoint_url",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_aws, sts_endpoint_url, char *),
		.check = form_endpoint,
		.example = "http://127.0.0.1:5000",
		.doc = "Assume roles here; without it at AWS_ENDPOINT_URL_STS, then at the "
		       "region's endpoint of STS.",
	},
	{
		.name = "ssm_endpoint_url",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_aws, ssm_endpoint_url, char *),
		.check = form_endpoint,
		.example = "http://127.0.0.1:5000",
		.doc = "Read parameters (ami: resolve:ssm:NAME) here instead of at the region's "
		       "endpoint of SSM.",
	},
	{
		.name = "imds_endpoint_url",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_aws, imds_endpoint_url, char *),
		.check = form_endpoint,
		.example = "http://127.0.0.1:5000",
		.doc = "Ask for the machine's role here; without it "
		       "AWS_EC2_METADATA_SERVICE_ENDPOINT, then http://169.254.169.254. Only "
		       "version 2 of the service is used; AWS_EC2_METADATA_DISABLED turns it off.",
	},
	{.name = NULL},
};

static const struct fields aws_fields = {"aws", aws_rows, sizeof(struct conf_aws)};

static const char *const orphans_actions[] = {"terminate", "report", NULL};

static const char *const orphans_volumes[] = {"report", "delete", NULL};

static const struct field orphans_rows[] = {
	{
		.name = "action",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct conf_orphans, action, int),
		.def = "terminate",
		.choices = orphans_actions,
		.doc = "terminate: those that this ledger has certainly launched end; report: "
		       "pool.orphans shows them.",
	},
	{
		.name = "volumes",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct conf_orphans, volumes, int),
		.def = "report",
		.choices = orphans_volumes,
		.doc = "Unattached volumes that launches have left behind. report: they end only "
		       "by order, for they may hold data; delete: they end as instances do, "
		       "where the ledger still has the launch and no disk of it was to stay.",
	},
	{
		.name = "interval",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct conf_orphans, interval, int64_t),
		.def = "5m",
		.min = 1000,
		.max = MONTH,
		.doc = "Between the two listings that must both show one; also how often is listed "
		       "when nothing is up.",
	},
	{
		.name = "grace",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct conf_orphans, grace, int64_t),
		.def = "10m",
		.min = 1000,
		.max = MONTH,
		.doc = "One that is younger is left alone, for EC2 may show it before it shows all of "
		       "it. Below 5m is a warning.",
	},
	{.name = NULL},
};

static const struct fields orphans_fields = {"orphans", orphans_rows,
	sizeof(struct conf_orphans)};

static const struct field mail_rows[] = {
	{
		.name = "smtp_url",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_mail, smtp_url, char *),
		.check = form_smtp_url,
		.example = "smtp://localhost:25",
		.doc = "Relay for mails about missing workers. Without it they are only logged.",
	},
	{
		.name = "from",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_mail, from, char *),
		.check = form_address,
		.example = "ec2workerd@example.org",
		.doc = "Sender of these mails; required with smtp_url.",
	},
	{.name = NULL},
};

static const struct fields mail_fields = {"mail", mail_rows, sizeof(struct conf_mail)};

static const struct field metrics_rows[] = {
	{
		.name = "listen",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_metrics, listen, char *),
		.check = form_listen,
		.example = "127.0.0.1:9189",
		.doc = "Address and port of a page of health (/healthz) and metrics (/metrics) over "
		       "HTTP. Whoever can connect there sees numbers and what is wrong, but no "
		       "worker, no instance and no secret. Without it there is none.",
	},
	{.name = NULL},
};

static const struct fields metrics_fields = {"metrics", metrics_rows,
	sizeof(struct conf_metrics)};

static const struct field conf_rows[] = {
	{
		.name = "pool",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_RESTART,
		.offset = FIELD_AT(struct conf, pool, char *),
		.check = form_pool,
		.pattern = "^[a-z0-9-]{1,32}$",
		.example = "linux-master",
		.doc = "Name of the pool, written on every instance as a tag. An instance belongs "
		       "to the pool it was started for, so the name stays while any exists.",
	},
	{
		.name = "socket",
		.type = FIELD_STRING,
		.flags = FIELD_RESTART,
		.offset = FIELD_AT(struct conf, socket, char *),
		.def = RUNSTATEDIR "/ec2workerd/rpc.sock",
		.check = form_socket,
		.doc = "Unix socket for JSON-RPC.",
	},
	{
		.name = "socket_mode",
		.type = FIELD_STRING,
		.flags = FIELD_RESTART,
		.offset = FIELD_AT(struct conf, socket_mode_text, char *),
		.def = "0660",
		.check = form_octal_mode,
		.doc = "Permissions of the socket, octal.",
	},
	{
		.name = "socket_group",
		.type = FIELD_STRING,
		.flags = FIELD_RESTART,
		.offset = FIELD_AT(struct conf, socket_group, char *),
		.check = form_unix_name,
		.example = "buildbot",
		.doc = "Group of the socket. Without it: the daemon's.",
	},
	{
		.name = "state_dir",
		.type = FIELD_STRING,
		.flags = FIELD_RESTART,
		.offset = FIELD_AT(struct conf, state_dir, char *),
		.def = LOCALSTATEDIR "/lib/ec2workerd",
		.check = form_path,
		.doc = "Directory of the ledger, the mail spool and the evidence.",
	},
	{
		.name = "on_stop",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct conf, on_stop, int),
		.def = "keep",
		.choices = on_stop_names,
		.doc = "What becomes of running instances when the daemon stops: keep leaves them "
		       "to the next start, terminate ends them.",
	},
	{
		.name = "owner_timeout",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct conf, owner_timeout, int64_t),
		.def = "15m",
		.min = 1,
		.max = MONTH,
		.doc = "What a master has reported outlives its last connection this long; then "
		       "its idle workers are stopped.",
	},
	{
		.name = "owner_build_timeout",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct conf, owner_build_timeout, int64_t),
		.def = "4h",
		.min = 1,
		.max = MONTH,
		.doc = "The same for a worker on which the master last reported a build: only "
		       "after this long it counts as idle.",
	},
	{
		.name = "log_level",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct conf, log_level, int),
		.def = "info",
		.choices = log_level_names,
		.doc = "How much is logged.",
	},
	{
		.name = "access",
		.type = FIELD_OBJECT,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf, access, struct conf_access),
		.sub = &access_fields,
		.doc = "Who may do what over the socket.",
	},
	{
		.name = "aws",
		.type = FIELD_OBJECT,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf, aws, struct conf_aws),
		.sub = &aws_fields,
		.doc = "Region, credentials and endpoint.",
	},
	{
		.name = "mail",
		.type = FIELD_OBJECT,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf, mail, struct conf_mail),
		.sub = &mail_fields,
		.doc = "How mails leave.",
	},
	{
		.name = "metrics",
		.type = FIELD_OBJECT,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf, metrics, struct conf_metrics),
		.sub = &metrics_fields,
		.doc = "Who may look without the socket.",
	},
	{
		.name = "orphans",
		.type = FIELD_OBJECT,
		.offset = FIELD_AT(struct conf, orphans, struct conf_orphans),
		.sub = &orphans_fields,
		.doc = "What becomes of instances that have this pool's tags and are in no row of "
		       "the ledger.",
	},
	{
		.name = "vars",
		.type = FIELD_STRMAP,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf, vars, struct strmap),
		.names = CONF_VAR_NAMES,
		.check = form_var,
		.example = "{ master: \"build.example.org:9989\" }",
		.doc = "Values for user data: {{ vars.NAME }}. A worker's own vars are merged over "
		       "these by name.",
	},
	{
		.name = "worker_defaults",
		.type = FIELD_OBJECT,
		.flags = FIELD_EXTERN | FIELD_PARTIAL | FIELD_NULLABLE,
		.sub = &conf_worker_fields,
		.doc = "Keys for every worker that does not give them itself; a value is taken as "
		       "a whole. A worker's ami, or what its image is chosen by, counts in place "
		       "of either here.",
	},
	{
		.name = "workers",
		.type = FIELD_STRMAP,
		.flags = FIELD_EXTERN | FIELD_PARTIAL | FIELD_NULLABLE,
		.sub = &conf_worker_fields,
		.names = "^([A-Za-z0-9]|" RANGE ")([A-Za-z0-9._-]|" RANGE ")*$",
		.doc = "The workers by name. linux-[01-40] is forty equal ones; a name has at most "
		       "64 letters, digits, '.', '_' and '-'.",
	},
	{.name = NULL},
};

const struct fields conf_fields = {"configuration", conf_rows, sizeof(struct conf)};
