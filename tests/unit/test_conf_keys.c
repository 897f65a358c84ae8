/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every key of every table by itself: values it takes, values it refuses and with which
 * words. A key that no case touches fails.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/field.h"
#include "conf/conf.h"
#include "conf/conf_row.h"

#include <stdio.h>
#include <string.h>

#define TOP ""
#define WORKER "worker"
#define METADATA "metadata_options" /* a table below a worker */
#define EXPECTED_DURATION "expected seconds, or a duration such as 90s, 20m, 2h"
#define HEX "0123456789abcdef"

struct key_case {
	int line;
	const char *table, *key, *value;
	const char *told;    /* behind the key's name; NULL: taken without a word */
	const char *without; /* a key of the worker left out, or NULL */
	const char *also;    /* a line beside it, or NULL */
};

/* clang-format off */
static const struct key_case cases[] = {
	{__LINE__, TOP, "pool", "linux-master", NULL, NULL, NULL},
	{__LINE__, TOP, "pool", "012", NULL, NULL, NULL},
	{__LINE__, TOP, "pool", "no", NULL, NULL, NULL},
	{__LINE__, TOP, "pool", "Linux", "expected 1 to 32 lower-case letters, digits and hyphens, such as linux-master", NULL, NULL},
	{__LINE__, TOP, "pool", "[a]", "expected a string, got a list", NULL, NULL},
	{__LINE__, TOP, "socket", "/tmp/s", NULL, NULL, NULL},
	{__LINE__, TOP, "socket", "tmp/s", "expected a path that begins with /", NULL, NULL},
	{__LINE__, TOP, "socket_mode", "0600", NULL, NULL, NULL},
	{__LINE__, TOP, "socket_mode", "\"0600\"", NULL, NULL, NULL},
	{__LINE__, TOP, "socket_mode", "rw", "expected permissions as octal digits, such as \"0660\"", NULL, NULL},
	{__LINE__, TOP, "socket_group", "buildbot", NULL, NULL, NULL},
	{__LINE__, TOP, "socket_group", "a b", "expected the name of a group", NULL, NULL},
	{__LINE__, TOP, "state_dir", "/srv/state", NULL, NULL, NULL},
	{__LINE__, TOP, "state_dir", "state", "expected a path that begins with /", NULL, NULL},
	{__LINE__, TOP, "on_stop", "keep", NULL, NULL, NULL},
	{__LINE__, TOP, "on_stop", "terminate", NULL, NULL, NULL},
	{__LINE__, TOP, "on_stop", "kepe", "expected one of keep, terminate; did you mean 'keep'?", NULL, NULL},
	{__LINE__, TOP, "owner_timeout", "0.5", NULL, NULL, NULL},
	{__LINE__, TOP, "owner_timeout", "0", "must be from 0.001s to 30d", NULL, NULL},
	{__LINE__, TOP, "owner_timeout", "never", EXPECTED_DURATION ", from 0.001s to 30d", NULL, NULL},
	{__LINE__, TOP, "owner_build_timeout", "2d", NULL, NULL, NULL},
	{__LINE__, TOP, "owner_build_timeout", "-1", "must not be negative", NULL, NULL},
	{__LINE__, TOP, "orphans", "{ action: report, interval: 1, grace: 5m }", NULL, NULL, NULL},
	{__LINE__, TOP, "orphans", "[]", "expected a mapping, got a list", NULL, NULL},
	{__LINE__, "orphans", "action", "terminate", NULL, NULL, NULL},
	{__LINE__, "orphans", "action", "kill", "expected one of terminate, report", NULL, NULL},
	{__LINE__, "orphans", "volumes", "delete", NULL, NULL, NULL},
	{__LINE__, "orphans", "volumes", "terminate", "expected one of report, delete", NULL, NULL},
	{__LINE__, "orphans", "interval", "1", NULL, NULL, NULL},
	{__LINE__, "orphans", "interval", "0.5", "must be from 1s to 30d", NULL, NULL},
	{__LINE__, "orphans", "grace", "5m", NULL, NULL, NULL},
	{__LINE__, "orphans", "grace", "0", "must be from 1s to 30d", NULL, NULL},
	{__LINE__, TOP, "log_level", "debug", NULL, NULL, NULL},
	{__LINE__, TOP, "log_level", "loud", "expected one of error, warning, info, debug", NULL, NULL},
	{__LINE__, TOP, "access", "{}", NULL, NULL, NULL},
	{__LINE__, TOP, "access", "~", NULL, NULL, NULL},
	{__LINE__, TOP, "access", "buildbot", "expected a mapping, got a single value", NULL, NULL},
	{__LINE__, TOP, "aws", "", NULL, NULL, NULL},
	{__LINE__, TOP, "aws", "[]", "expected a mapping, got a list", NULL, NULL},
	{__LINE__, TOP, "metrics", "on", "expected a mapping, got a single value", NULL, NULL},
	{__LINE__, TOP, "metrics", "{ listen: '[::1]:9189' }", NULL, NULL, NULL},
	{__LINE__, TOP, "mail", "", NULL, NULL, NULL},
	{__LINE__, TOP, "mail", "x", "expected a mapping, got a single value", NULL, NULL},
	{__LINE__, TOP, "vars", "{ a: b, c-d: 012, e_1: no }", NULL, NULL, NULL},
	{__LINE__, TOP, "vars", "", NULL, NULL, NULL},
	{__LINE__, TOP, "vars", "[a]", "expected a mapping of strings, or null, got a list", NULL, NULL},
	{__LINE__, TOP, "worker_defaults", "", NULL, NULL, NULL},
	{__LINE__, TOP, "worker_defaults", "{ ami: ami-1 }", NULL, NULL, NULL},
	{__LINE__, TOP, "worker_defaults", "[]", "expected a mapping, got a list", NULL, NULL},
	{__LINE__, "access", "admin", "alice", NULL, NULL, NULL},
	{__LINE__, "access", "admin", "[alice, \"@adm\"]", NULL, NULL, NULL},
	{__LINE__, "access", "admin", "{}", "expected a string or a list of strings, got a mapping", NULL, NULL},
	{__LINE__, "access", "operate", "[]", NULL, NULL, NULL},
	{__LINE__, "access", "operate", "\"a b\"", "expected names of users, or of groups as @name", NULL, NULL},
	{__LINE__, "access", "observe", "\"@adm\"", NULL, NULL, NULL},
	{__LINE__, "access", "observe", "\"@\"", "expected names of users, or of groups as @name", NULL, NULL},
	{__LINE__, "aws", "region", "us-gov-east-1", NULL, NULL, NULL},
	{__LINE__, "aws", "region", "us-west-2b", "expected a region, such as eu-west-1", NULL, NULL},
	{__LINE__, "aws", "identifier", "AKIA1", NULL, NULL, "  secret_identifier: s"},
	{__LINE__, "aws", "identifier", "a/b", "expected an access key id, such as AKIAIOSFODNN7EXAMPLE", NULL, "  secret_identifier: s"},
	{__LINE__, "aws", "identifier", "AKIA1", "needs secret_identifier beside it", NULL, NULL},
	{__LINE__, "aws", "secret_identifier", "a/b+c", NULL, NULL, "  identifier: AKIA1"},
	{__LINE__, "aws", "secret_identifier", "\"\"", "must not be empty", NULL, "  identifier: AKIA1"},
	{__LINE__, "aws", "secret_identifier", "s", "needs identifier beside it", NULL, NULL},
	{__LINE__, "aws", "session_token", "t", NULL, NULL, "  identifier: AKIA1\n  secret_identifier: s"},
	{__LINE__, "aws", "session_token", "t", "needs identifier and secret_identifier beside it", NULL, NULL},
	{__LINE__, "aws", "session_token", "''", "must not be empty", NULL, "  identifier: AKIA1\n  secret_identifier: s"},
	{__LINE__, "aws", "profile", "ci", NULL, NULL, NULL},
	{__LINE__, "aws", "profile", "\"\"", "must not be empty", NULL, NULL},
	{__LINE__, "aws", "profile", "\"a\\nb\"", "holds a control character", NULL, NULL},
	{__LINE__, "aws", "shared_credentials_file", "/etc/c", NULL, NULL, NULL},
	{__LINE__, "aws", "shared_credentials_file", "\"\"", "must not be empty", NULL, NULL},
	{__LINE__, "aws", "config_file", "c", NULL, NULL, NULL},
	{__LINE__, "aws", "config_file", "{}", "expected a string, got a mapping", NULL, NULL},
	{__LINE__, "aws", "role_arn", "arn:aws:iam::123456789012:role/ci/x", NULL, NULL, NULL},
	{__LINE__, "aws", "role_arn", "arn:aws-us-gov:iam::123456789012:role/ci", NULL, NULL, NULL},
	{__LINE__, "aws", "role_arn", "ci", "expected the ARN of a role, such as arn:aws:iam::123456789012:role/ci", NULL, NULL},
	{__LINE__, "aws", "role_arn", "arn:aws:iam::123456789012:user/ci", "expected the ARN of a role, such as arn:aws:iam::123456789012:role/ci", NULL, NULL},
	{__LINE__, "aws", "role_arn", "arn:aws:iam::12345678901:role/ci", "expected the ARN of a role, such as arn:aws:iam::123456789012:role/ci", NULL, NULL},
	{__LINE__, "aws", "role_arn", "arn:aws:iam::123456789012:role/", "expected the ARN of a role, such as arn:aws:iam::123456789012:role/ci", NULL, NULL},
	{__LINE__, "aws", "external_id", "a:b/c", NULL, NULL, "  role_arn: arn:aws:iam::123456789012:role/ci"},
	{__LINE__, "aws", "external_id", "a:b/c", "needs role_arn beside it", NULL, NULL},
	{__LINE__, "aws", "external_id", "a", "expected 2 to 1224 letters, digits and _+=,.@:/-", NULL, "  role_arn: arn:aws:iam::123456789012:role/ci"},
	{__LINE__, "aws", "role_session_name", "ci@host", NULL, NULL, NULL},
	{__LINE__, "aws", "role_session_name", "ci/host", "expected 2 to 64 letters, digits and _+=,.@-", NULL, NULL},
	{__LINE__, "aws", "ca_file", "/etc/ca.pem", NULL, NULL, NULL},
	{__LINE__, "aws", "ca_file", "~", "expected a string, got null; quote it if the word is meant", NULL, NULL},
	{__LINE__, "aws", "endpoint_url", "http://127.0.0.1:5000", NULL, NULL, NULL},
	{__LINE__, "aws", "endpoint_url", "127.0.0.1:5000", "expected http(s)://host[:port], such as http://127.0.0.1:5000", NULL, NULL},
	{__LINE__, "aws", "sts_endpoint_url", "http://127.0.0.1:5000", NULL, NULL, NULL},
	{__LINE__, "aws", "ssm_endpoint_url", "http://127.0.0.1:5000", NULL, NULL, NULL},
	{__LINE__, "aws", "ssm_endpoint_url", "ssm", "expected http(s)://host[:port], such as http://127.0.0.1:5000", NULL, NULL},
	{__LINE__, "aws", "sts_endpoint_url", "sts", "expected http(s)://host[:port], such as http://127.0.0.1:5000", NULL, NULL},
	{__LINE__, "aws", "imds_endpoint_url", "http://[fd00:ec2::254]", NULL, NULL, NULL},
	{__LINE__, "aws", "imds_endpoint_url", "off", "expected http(s)://host[:port], such as http://127.0.0.1:5000", NULL, NULL},
	{__LINE__, "mail", "smtp_url", "smtp://localhost:25", NULL, NULL, "  from: a@b"},
	{__LINE__, "mail", "smtp_url", "localhost", "expected smtp(s)://host[:port], such as smtp://localhost:25", NULL, "  from: a@b"},
	{__LINE__, "metrics", "listen", "127.0.0.1:9189", NULL, NULL, NULL},
	{__LINE__, "metrics", "listen", "localhost:9189", "expected an address and a port, such as 127.0.0.1:9189 or [::1]:9189", NULL, NULL},
	{__LINE__, "metrics", "listen", "127.0.0.1:0", "expected an address and a port, such as 127.0.0.1:9189 or [::1]:9189", NULL, NULL},
	{__LINE__, "mail", "from", "Name <a@b>", NULL, NULL, NULL},
	{__LINE__, "mail", "from", "nobody", "expected one mail address, such as ci@example.org or Name <ci@example.org>", NULL, NULL},
	{__LINE__, WORKER, "password", "generated", NULL, NULL, NULL},
	{__LINE__, WORKER, "password", "0123", NULL, NULL, NULL},
	{__LINE__, WORKER, "password", "\"\"", "must not be empty", NULL, NULL},
	{__LINE__, WORKER, "password", "~", "expected a string, got null; quote it if the word is meant", NULL, NULL},
	{__LINE__, WORKER, "password", "\"a\\nb\"", "holds more than one line", NULL, NULL},
	{__LINE__, WORKER, "password_file", "pw", NULL, "password", NULL},
	{__LINE__, WORKER, "password_file", "\"\"", "must not be empty", "password", NULL},
	{__LINE__, WORKER, "instance_type", "c7i.xlarge", NULL, NULL, NULL},
	{__LINE__, WORKER, "instance_type", "large", "expected an instance type, such as m5.large", NULL, NULL},
	{__LINE__, WORKER, "instance_type", "[c7i.xlarge, c6i.xlarge]", NULL, NULL, NULL},
	{__LINE__, WORKER, "instance_type", "[]", "must not be empty", NULL, NULL},
	{__LINE__, WORKER, "instance_type", "{}", "expected a string or a list of strings, got a mapping", NULL, NULL},
	{__LINE__, WORKER, "ami", "ami-0" HEX, NULL, NULL, NULL},
	{__LINE__, WORKER, "ami", "\"\"", "expected an image id, such as ami-0abcdef1234567890, or resolve:ssm: and a parameter's name", NULL, NULL},
	{__LINE__, WORKER, "ami", "resolve:ssm:/aws/service/a-b_c.d/x", NULL, NULL, NULL},
	{__LINE__, WORKER, "ami", "resolve:ssm:ci:7", NULL, NULL, NULL},
	{__LINE__, WORKER, "ami", "\"resolve:ssm:\"", "expected the name of a parameter, such as resolve:ssm:/ci/image", NULL, NULL},
	{__LINE__, WORKER, "ami", "resolve:ssm:/x y", "expected the name of a parameter, such as resolve:ssm:/ci/image", NULL, NULL},
	{__LINE__, WORKER, "ami", "resolve:s3:/x", "expected an image id, such as ami-0abcdef1234567890, or resolve:ssm: and a parameter's name", NULL, NULL},
	{__LINE__, WORKER, "valid_ami_owners", "123456789012", NULL, "ami", NULL},
	{__LINE__, WORKER, "valid_ami_owners", "[12, \"034\", 000000000056]", NULL, "ami", NULL},
	{__LINE__, WORKER, "valid_ami_owners", "[]", "must not be empty", "ami", NULL},
	{__LINE__, WORKER, "valid_ami_owners", "\"\"", "must not be empty", "ami", NULL},
	{__LINE__, WORKER, "valid_ami_owners", "1234567890123", "expected an account id of at most 12 digits, such as 123456789012", "ami", NULL},
	{__LINE__, WORKER, "valid_ami_owners", "true", "expected an account id of at most 12 digits, such as 123456789012", "ami", NULL},
	{__LINE__, WORKER, "valid_ami_owners", "-1", "expected an account id of at most 12 digits, such as 123456789012", "ami", NULL},
	{__LINE__, WORKER, "valid_ami_owners", "{}", "expected a string or a list of strings, got a mapping", "ami", NULL},
	{__LINE__, WORKER, "valid_ami_location_regex", "'123456789012/ci-(\\d+)'", NULL, "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "valid_ami_location_regex", "(?P<build>a|b{2})\\.[^/]+$", NULL, "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "valid_ami_location_regex", "\"\"", "must not be empty", "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "valid_ami_location_regex", "[a-z]", "expected a string, got a list", "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "valid_ami_location_regex", "~", "expected a string, got null; quote it if the word is meant", "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "valid_ami_location_regex", "ci-(", "no regular expression, seen behind 4 bytes of it: missing closing parenthesis", "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "ami_name", "ci-*-x86_6?", NULL, "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "ami_name", "\"\"", "must not be empty", "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "ami_name", "\"a\\nb\"", "holds a control character", "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "ami_filters", "{ \"tag:role\": ci, is-public: no }", NULL, "ami", NULL},
	{__LINE__, WORKER, "ami_filters", "{}", "must not be empty", "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "ami_filters", "[a]", "expected a mapping of strings, got a list", "ami", "    valid_ami_owners: 1"},
	{__LINE__, WORKER, "region", "eu-west-1", NULL, NULL, NULL},
	{__LINE__, WORKER, "region", "Europe", "expected a region, such as eu-west-1", NULL, NULL},
	{__LINE__, WORKER, "placement", "b", NULL, NULL, NULL},
	{__LINE__, WORKER, "placement", "us-west-2b", "give only what follows the region: b", NULL, NULL},
	{__LINE__, WORKER, "user_data", "\"\"", NULL, NULL, NULL},
	{__LINE__, WORKER, "user_data", "\"{{ worker }}{{password}} {{ pool }} {{ region }} {{ generation }}\"", NULL, NULL, NULL},
	{__LINE__, WORKER, "user_data", "[]", "expected a string, got a list", NULL, NULL},
	{__LINE__, WORKER, "user_data_file", "ud", NULL, NULL, NULL},
	{__LINE__, WORKER, "user_data_file", "\"\"", "must not be empty", NULL, NULL},
	{__LINE__, WORKER, "vars", "{ a: b }", NULL, NULL, NULL},
	{__LINE__, WORKER, "vars", "x", "expected a mapping of strings, or null, got a single value", NULL, NULL},
	{__LINE__, WORKER, "keypair_name", "\"a key\"", NULL, NULL, NULL},
	{__LINE__, WORKER, "keypair_name", "\"\"", "must not be empty", NULL, NULL},
	{__LINE__, WORKER, "security_name", "default", NULL, NULL, NULL},
	{__LINE__, WORKER, "security_name", "\"\"", "must not be empty", NULL, NULL},
	{__LINE__, WORKER, "security_group_ids", "[sg-1, sg-2]", NULL, NULL, NULL},
	{__LINE__, WORKER, "security_group_ids", "sg-1", NULL, NULL, NULL},
	{__LINE__, WORKER, "security_group_ids", "default", "expected ids of security groups, such as sg-0abcdef1234567890; a name belongs in security_name", NULL, NULL},
	{__LINE__, WORKER, "subnet_id", "subnet-1", NULL, "security_name", NULL},
	{__LINE__, WORKER, "subnet_id", "[subnet-1, subnet-2]", NULL, "security_name", NULL},
	{__LINE__, WORKER, "subnet_id", "[]", "must not be empty", "security_name", NULL},
	{__LINE__, WORKER, "subnet_id", "net-1", "expected a subnet's id, such as subnet-0abcdef1234567890", "security_name", NULL},
	{__LINE__, WORKER, "spot_instance", "true", NULL, NULL, NULL},
	{__LINE__, WORKER, "spot_instance", "1", "expected true or false", NULL, NULL},
	{__LINE__, WORKER, "max_spot_price", "0.08", NULL, NULL, NULL},
	{__LINE__, WORKER, "max_spot_price", "null", NULL, NULL, NULL},
	{__LINE__, WORKER, "max_spot_price", "0", "must be above 0", NULL, NULL},
	{__LINE__, WORKER, "max_spot_price", "-1.6", "must be above 0", NULL, NULL},
	{__LINE__, WORKER, "max_spot_price", "1e400", "is too large a number", NULL, NULL},
	{__LINE__, WORKER, "max_spot_price", ".nan", "expected a number, or null", NULL, NULL},
	{__LINE__, WORKER, "max_spot_price", "null", "null, and so is price_multiplier (line 10): what is to be bid?", NULL, "    price_multiplier: null\n    spot_instance: true"},
	{__LINE__, WORKER, "max_spot_price", "null", NULL, NULL, "    price_multiplier: null"},
	{__LINE__, WORKER, "price_multiplier", "1.15", NULL, NULL, NULL},
	{__LINE__, WORKER, "price_multiplier", "~", NULL, NULL, "    spot_instance: true"},
	{__LINE__, WORKER, "price_multiplier", "0", "must be above 0", NULL, NULL},
	{__LINE__, WORKER, "price_multiplier", ".inf", "expected a number, or null", NULL, NULL},
	{__LINE__, WORKER, "product_description", "Linux/UNIX (Amazon VPC)", NULL, NULL, NULL},
	{__LINE__, WORKER, "product_description", "''", "must not be empty", NULL, NULL},
	{__LINE__, WORKER, "retry", "3", NULL, NULL, NULL},
	{__LINE__, WORKER, "retry", "0", "must be from 1 to 1000", NULL, NULL},
	{__LINE__, WORKER, "retry", "1.5", "expected a whole number, from 1 to 1000", NULL, NULL},
	{__LINE__, WORKER, "retry_price_adjustment", "1.1", NULL, NULL, NULL},
	{__LINE__, WORKER, "retry_price_adjustment", "0", "must be above 0", NULL, NULL},
	{__LINE__, WORKER, "retry_price_adjustment", "null", "expected a number, got null", NULL, NULL},
	{__LINE__, WORKER, "on_demand_fallback", "yes", NULL, NULL, "    spot_instance: true"},
	{__LINE__, WORKER, "on_demand_fallback", "perhaps", "expected true or false", NULL, NULL},
	{__LINE__, WORKER, "instance_profile_name", "ci-worker", NULL, NULL, NULL},
	{__LINE__, WORKER, "instance_profile_name", "\"\"", "must not be empty", NULL, NULL},
	{__LINE__, WORKER, "elastic_ip", "203.0.113.7", NULL, NULL, NULL},
	{__LINE__, WORKER, "elastic_ip", "203.0.113.007", "expected an IPv4 address, such as 203.0.113.7", NULL, NULL},
	{__LINE__, WORKER, "elastic_ip", "203.0.113", "expected an IPv4 address, such as 203.0.113.7", NULL, NULL},
	{__LINE__, WORKER, "elastic_ip", "eipalloc-1", "expected an IPv4 address, such as 203.0.113.7", NULL, NULL},
	{__LINE__, WORKER, "volumes", "[ [ vol-1, /dev/sdh ], [ vol-2, sdi ] ]", NULL, NULL, NULL},
	{__LINE__, WORKER, "volumes", "vol-1", "expected a list of [volume_id, device], got a single value", NULL, NULL},
	{__LINE__, WORKER, "block_device_map", "[]", NULL, NULL, NULL},
	{__LINE__, WORKER, "block_device_map", "{ sdb: { size: 5 } }", NULL, NULL, NULL},
	{__LINE__, WORKER, "block_device_map", "sdb", "expected a list of mappings, or a mapping of names to mappings, or null, got a single value", NULL, NULL},
	{__LINE__, WORKER, "metadata_options", "{}", NULL, NULL, NULL},
	{__LINE__, WORKER, "metadata_options", "required", "expected a mapping, got a single value", NULL, NULL},
	{__LINE__, METADATA, "HttpTokens", "optional", NULL, NULL, NULL},
	{__LINE__, METADATA, "HttpTokens", "yes", "expected one of optional, required", NULL, NULL},
	{__LINE__, METADATA, "HttpPutResponseHopLimit", "64", NULL, NULL, NULL},
	{__LINE__, METADATA, "HttpPutResponseHopLimit", "0", "must be from 1 to 64", NULL, NULL},
	{__LINE__, METADATA, "HttpEndpoint", "enabled", NULL, NULL, NULL},
	{__LINE__, METADATA, "HttpEndpoint", "on", "expected one of disabled, enabled", NULL, NULL},
	{__LINE__, METADATA, "HttpProtocolIpv6", "enabled", NULL, NULL, NULL},
	{__LINE__, METADATA, "HttpProtocolIpv6", "off", "expected one of disabled, enabled", NULL, NULL},
	{__LINE__, METADATA, "InstanceMetadataTags", "enabled", NULL, NULL, NULL},
	{__LINE__, METADATA, "InstanceMetadataTags", "~", "expected one of disabled, enabled, got null", NULL, NULL},
	{__LINE__, WORKER, "tags", "{ team: platform, Name: x, n: 5, \"\\u00e4\": no }", NULL, NULL, NULL},
	{__LINE__, WORKER, "tags", "[a]", "expected a mapping of strings, got a list", NULL, NULL},
	{__LINE__, WORKER, "identifier", "AKIA1", NULL, NULL, "    secret_identifier: s"},
	{__LINE__, WORKER, "identifier", "AKIA1", "needs secret_identifier beside it", NULL, NULL},
	{__LINE__, WORKER, "secret_identifier", "s", NULL, NULL, "    identifier: AKIA1"},
	{__LINE__, WORKER, "secret_identifier", "s", "needs identifier beside it", NULL, NULL},
	{__LINE__, WORKER, "missing_timeout", "90s", NULL, NULL, NULL},
	{__LINE__, WORKER, "missing_timeout", "0", NULL, NULL, NULL},
	{__LINE__, WORKER, "missing_timeout", "null", NULL, NULL, NULL},
	{__LINE__, WORKER, "missing_timeout", "30d", NULL, NULL, NULL},
	{__LINE__, WORKER, "missing_timeout", "31d", "must be from 0s to 30d", NULL, NULL},
	{__LINE__, WORKER, "missing_timeout", "-1", "must not be negative", NULL, NULL},
	{__LINE__, WORKER, "missing_timeout", "10 minutes", EXPECTED_DURATION ", from 0s to 30d, or null", NULL, NULL},
	{__LINE__, WORKER, "missing_timeout", "999999999999999999999d", EXPECTED_DURATION ", from 0s to 30d, or null", NULL, NULL},
	{__LINE__, WORKER, "missing_timeout", ".nan", EXPECTED_DURATION ", from 0s to 30d, or null", NULL, NULL},
	{__LINE__, WORKER, "pending_timeout", "1", NULL, NULL, NULL},
	{__LINE__, WORKER, "pending_timeout", "0", "must be from 1s to 30d", NULL, NULL},
	{__LINE__, WORKER, "pending_timeout", "~", EXPECTED_DURATION ", from 1s to 30d, got null", NULL, NULL},
	{__LINE__, WORKER, "dead_man", "6h", NULL, NULL, NULL},
	{__LINE__, WORKER, "dead_man", "2", "must be from 3s to 30d", NULL, NULL},
	{__LINE__, WORKER, "dead_man", "never", EXPECTED_DURATION ", from 3s to 30d", NULL, NULL},
	{__LINE__, WORKER, "build_wait_timeout", "0", NULL, NULL, NULL},
	{__LINE__, WORKER, "build_wait_timeout", "-1", NULL, NULL, NULL},
	{__LINE__, WORKER, "build_wait_timeout", "1.5h", NULL, NULL, NULL},
	{__LINE__, WORKER, "build_wait_timeout", "1000d", "must be from 0s to 30d, or negative: never", NULL, NULL},
	{__LINE__, WORKER, "build_wait_timeout", "soon", EXPECTED_DURATION ", from 0s to 30d, or negative: never", NULL, NULL},
	{__LINE__, WORKER, "notify_on_missing", "root@localhost", NULL, NULL, NULL},
	{__LINE__, WORKER, "notify_on_missing", "[a@b.example, Full Name <c@d>]", NULL, NULL, NULL},
	{__LINE__, WORKER, "notify_on_missing", "5", "expected one mail address, such as ci@example.org or Name <ci@example.org>", NULL, NULL},
	{__LINE__, WORKER, "notify_on_missing", "\"a@b\\nc\"", "expected one mail address, such as ci@example.org or Name <ci@example.org>", NULL, NULL},
};
/* clang-format on */

/* What the worker needs beside the key of the case. */
static const struct {
	const char *key, *value;
} needed[] = {
	{"password", "sekrit"},
	{"instance_type", "m5.large"},
	{"ami", "ami-12345"},
	{"keypair_name", "k"},
	{"security_name", "g"},
};

static void
add_worker(const struct key_case *c, struct buf *out)
{
	buf_puts(out, "workers:\n  bot1:\n");
	for (size_t i = 0; i < COUNT_OF(needed); i++)
		if ((strcmp(c->table, WORKER) != 0 ||
			    strcmp(c->key, needed[i].key) != 0) &&
			(c->without == NULL || strcmp(c->without, needed[i].key) != 0))
			buf_printf(out, "    %s: %s\n", needed[i].key, needed[i].value);
	if (strcmp(c->table, METADATA) == 0)
		buf_printf(out, "    %s: { %s: %s }\n", METADATA, c->key, c->value);
	if (strcmp(c->table, WORKER) != 0)
		return;
	buf_printf(out, "    %s: %s\n", c->key, c->value);
	if (c->also != NULL)
		buf_printf(out, "%s\n", c->also);
}

static void
write_case(const struct key_case *c, struct buf *out)
{
	bool top = strcmp(c->table, TOP) == 0;

	if (!top || strcmp(c->key, "pool") != 0)
		buf_puts(out, "pool: p\n");
	if (top)
		buf_printf(out, "%s: %s\n", c->key, c->value);
	else if (strcmp(c->table, WORKER) != 0 && strcmp(c->table, METADATA) != 0)
		buf_printf(out, "%s:\n  %s: %s\n%s\n", c->table, c->key, c->value,
			c->also != NULL ? c->also : "");
	add_worker(c, out);
}

/* "error: workers.bot1.ami: TEXT\n" */
static char *
expected_line(const struct key_case *c)
{
	const char *table = strcmp(c->table, WORKER) == 0 ? "workers.bot1"
		: strcmp(c->table, METADATA) == 0         ? "workers.bot1." METADATA
							  : c->table;

	return xasprintf("error: %s%s%s: %s\n", table, table[0] != '\0' ? "." : "",
		c->key, c->told);
}

static void
check_case(const struct key_case *c, const char *dir)
{
	AUTO(buf) struct buf text = {.data = NULL};
	AUTO(free) char *told = NULL;
	AUTO(free) char *expected = c->told != NULL ? expected_line(c) : NULL;
	struct conf *conf;
	const char *first;

	write_case(c, &text);
	told = conf_told(buf_str(&text), dir, &conf);
	first = strstr(told, "error: ");
	if (expected == NULL)
		ck_assert_msg(told[0] == '\0' && conf != NULL, "line %d: %s", c->line,
			told);
	else
		ck_assert_msg(conf == NULL && first != NULL &&
				strncmp(first, expected, strlen(expected)) == 0 &&
				strstr(first + 1, "error: ") == NULL,
			"line %d: expected %s, got %s", c->line, expected, told);
	conf_free(conf);
}

START_TEST(keys)
{
	char *dir = temp_dir();

	temp_file(dir, "pw", "sekrit\n", 0600);
	temp_file(dir, "ud", "#!/bin/sh\n", 0644);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_case(&cases[i], dir);
	temp_remove(dir);
}
END_TEST

static bool
is_covered(const char *table, const char *key, bool good)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (strcmp(cases[i].table, table) == 0 &&
			strcmp(cases[i].key, key) == 0 &&
			(cases[i].told == NULL) == good)
			return true;
	return false;
}

static void
check_rows(const char *name, const struct fields *table)
{
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		ck_assert_msg(row->doc != NULL && strlen(row->doc) > 10 &&
				row->doc[strlen(row->doc) - 1] == '.',
			"%s.%s has no sentence", name, row->name);
		if (row->type == FIELD_OBJECT && (row->flags & FIELD_EXTERN) == 0)
			check_rows(row->name, row->sub);
		if (strcmp(row->name, "workers") == 0)
			continue; /* test_conf_load.c is about nothing else */
		ck_assert_msg(is_covered(name, row->name, true), "no good %s.%s", name,
			row->name);
		ck_assert_msg(is_covered(name, row->name, false), "no bad %s.%s", name,
			row->name);
	}
}

START_TEST(every_row_is_documented_and_covered)
{
	check_rows(TOP, &conf_fields);
	check_rows(WORKER, &conf_worker_fields);
}
END_TEST

START_TEST(every_secret_is_masked_by_name)
{
	struct strings names = {.items = NULL};

	field_secret_names(&conf_fields, &names);
	ck_assert_uint_ge(names.count, 3);
	for (size_t i = 0; i < names.count; i++) {
		size_t k = 0;

		while (keys_secret[k] != NULL &&
			strcmp(keys_secret[k], names.items[i]) != 0)
			k++;
		ck_assert_msg(keys_secret[k] != NULL, "%s", names.items[i]);
	}
	strings_fini(&names);
}
END_TEST

/* DESIGN's own text for defaults, and what they come to. */
START_TEST(defaults)
{
	struct conf *conf = conf_good(CONF_TOP CONF_WORKER "    security_name: g\n");
	const struct conf_worker *w = conf->workers[0];

	ck_assert_str_eq(conf->socket, "/run/ec2workerd/rpc.sock");
	ck_assert_uint_eq(conf->socket_mode, 0660);
	ck_assert_ptr_null(conf->socket_group);
	ck_assert_str_eq(conf->state_dir, "/var/lib/ec2workerd");
	ck_assert_int_eq(conf->on_stop, CONF_STOP_KEEP);
	ck_assert_str_eq(field_find(&conf_fields, "owner_timeout")->def, "15m");
	ck_assert_str_eq(field_find(&conf_fields, "owner_build_timeout")->def, "4h");
	ck_assert_int_eq(conf->owner_timeout, 15 * 60 * 1000);
	ck_assert_int_eq(conf->owner_build_timeout, 4 * 3600 * 1000);
	ck_assert_ptr_null(conf->mail.smtp_url);
	ck_assert_uint_eq(conf->access.admin.count, 0);
	ck_assert_str_eq(field_find(&conf_fields, "log_level")->def, "info");
	ck_assert_str_eq(field_find(&conf_worker_fields, "missing_timeout")->def,
		"20m");
	ck_assert_str_eq(field_find(&conf_worker_fields, "pending_timeout")->def,
		"10m");
	ck_assert_str_eq(field_find(&conf_worker_fields, "build_wait_timeout")->def,
		"10m");
	ck_assert_int_eq(w->missing_timeout, 1200000);
	ck_assert_int_eq(w->pending_timeout, 600000);
	ck_assert_int_eq(w->build_wait_timeout, 600000);
	ck_assert_ptr_null(w->region);
	ck_assert_ptr_null(w->user_data_tmpl);
	ck_assert_uint_eq(w->notify_on_missing.count, 0);
	conf_free(conf);
}
END_TEST

START_TEST(strangers_are_told_where_they_belong)
{
	static const struct {
		int line;
		const char *table, *key, *told;
	} strangers[] = {
		{__LINE__, WORKER, "aws_id_file_path", "aws.shared_credentials_file"},
		{__LINE__, WORKER, "session", "the section aws says how to reach AWS"},
		{__LINE__, WORKER, "name", "is the key of its mapping"},
		{__LINE__, WORKER, "max_builds", "it stays in master.cfg"},
		{__LINE__, WORKER, "keepalive_interval", "it stays in master.cfg"},
		{__LINE__, WORKER, "locks", "it stays in master.cfg"},
		{__LINE__, WORKER, "properties", "it stays in master.cfg"},
		{__LINE__, WORKER, "defaultProperties", "it stays in master.cfg"},
		{__LINE__, WORKER, "machine_name", "it stays in master.cfg"},
		{__LINE__, WORKER, "check_instance_interval", "it stays in master.cfg"},
		{__LINE__, WORKER, "profile", "put it below aws"},
		{__LINE__, WORKER, "role_arn", "put it below aws"},
		{__LINE__, TOP, "endpoint_url", "put it below aws"},
		{__LINE__, TOP, "identifier",
			"put it below worker_defaults or a worker"},
		{__LINE__, "aws", "aws_id_file_path", "shared_credentials_file"},
		{__LINE__, WORKER, "socket", "it belongs at the top level of the file"},
		{__LINE__, WORKER, "missing_timout", "did you mean 'missing_timeout'?"},
		{__LINE__, WORKER, "stop_mode", "unknown key"},
		{__LINE__, TOP, "ami", "put it below worker_defaults or a worker"},
		{__LINE__, TOP, "region", "put it below aws, or below a worker"},
		{__LINE__, TOP, "sockt", "did you mean 'socket'?"},
		{__LINE__, TOP, "evidence_days", "unknown key"},
		{__LINE__, "aws", "aws_access_key_id", "it is called identifier here"},
		{__LINE__, "aws", "access_key_id", "it is called identifier here"},
		{__LINE__, "aws", "aws_secret_access_key",
			"it is called secret_identifier here"},
		{__LINE__, "aws", "secret_access_key",
			"it is called secret_identifier here"},
		{__LINE__, "aws", "aws_session_token",
			"it is called session_token here"},
		{__LINE__, "mail", "username", "unknown key"},
		{__LINE__, "access", "admins", "did you mean 'admin'?"},
	};

	for (size_t i = 0; i < COUNT_OF(strangers); i++) {
		struct key_case c = {.line = strangers[i].line,
			.table = strangers[i].table,
			.key = strangers[i].key,
			.value = "x"};
		AUTO(buf) struct buf text = {.data = NULL};
		AUTO(free) char *told = NULL;

		write_case(&c, &text);
		told = conf_told(buf_str(&text), NULL, NULL);
		ck_assert_msg(strstr(told, "unknown key") != NULL &&
				strstr(told, strangers[i].told) != NULL,
			"line %d: %s", c.line, told);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("conf_keys");
	TCase *tc = tcase_create("keys");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, keys);
	tcase_add_test(tc, every_row_is_documented_and_covered);
	tcase_add_test(tc, every_secret_is_masked_by_name);
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, strangers_are_told_where_they_belong);
	suite_add_tcase(s, tc);
	return s;
}
