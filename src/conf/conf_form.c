/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms of single values. Nothing here asks whether a thing exists: a list of regions or
 * instance types would age, so --check-aws asks AWS, and these only catch slips.
 */
#include "conf/conf_form.h"

#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "sys/mail.h"
#include "sys/tcp.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define TAG_VALUE_MAX 256u
#define ADDRESS_MAX 320u

static bool
consists_of(const char *text, size_t min, size_t max, const char *set)
{
	size_t len = strlen(text);

	return len >= min && len <= max && strspn(text, set) == len;
}

static bool
is_id(const char *value, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(value, prefix, len) == 0 &&
		consists_of(value + len, 1, 32, DIGITS "abcdef");
}

bool
form_is_region(const char *text, size_t len)
{
	size_t at = strspn(text, LOWER);
	unsigned words = 1;

	if (at < 2)
		return false;
	while (at < len && text[at] == '-') {
		size_t word = strspn(text + at + 1, LOWER);

		if (word == 0)
			break;
		at += 1 + word;
		words++;
	}
	if (words < 2 || at >= len || text[at] != '-')
		return false;
	at++;
	return at < len && at + strspn(text + at, DIGITS) == len;
}

size_t
form_length(const char *text)
{
	size_t length = 0;

	for (; *text != '\0'; text++)
		length += ((unsigned char)*text & 0xc0) != 0x80;
	return length;
}

int
form_account_id(const char *value, struct err *err)
{
	if (consists_of(value, 1, 12, DIGITS))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected an account id of at most 12 digits, such as 123456789012");
}

int
form_address(const char *value, struct err *err)
{
	char bare[ADDRESS_MAX];

	if (mail_address(value, bare, sizeof(bare)) == 0)
		return 0;
	return err_set(err, ERR_INVALID,
		"expected one mail address, such as ci@example.org or Name <ci@example.org>");
}

int
form_ami(const char *value, struct err *err)
{
	size_t prefix = strlen(CONF_AMI_RESOLVE);

	if (is_id(value, "ami-"))
		return 0;
	if (strncmp(value, CONF_AMI_RESOLVE, prefix) != 0)
		return err_set(err, ERR_INVALID,
			"expected an image id, such as ami-0abcdef1234567890, "
			"or " CONF_AMI_RESOLVE " and a parameter's name");
	/* The colon is in front of a version or a label. */
	if (consists_of(value + prefix, 1, 2048, LOWER UPPER DIGITS "_.-/:"))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected the name of a parameter, such as " CONF_AMI_RESOLVE
		"/ci/image");
}

int
form_arn(const char *value, struct err *err)
{
	if (strncmp(value, "arn:", 4) == 0 && strchr(value, ' ') == NULL)
		return form_printable(value, err);
	return err_set(err, ERR_INVALID, "expected an ARN, such as arn:aws:...");
}

int
form_device(const char *value, struct err *err)
{
	if (consists_of(value, 1, 255, LOWER UPPER DIGITS "/._-") &&
		field_find(&conf_device_fields, value) == NULL)
		return 0;
	return err_set(err, ERR_INVALID,
		"expected the name of a device, such as /dev/xvdb%s",
		field_find(&conf_device_fields, value) == NULL
			? ""
			: "; in the words of the EC2 API each device is an element of a list");
}

int
form_snapshot_id(const char *value, struct err *err)
{
	if (is_id(value, "snap-"))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected a snapshot's id, such as snap-0abcdef1234567890");
}

int
form_virtual_name(const char *value, struct err *err)
{
	if (strncmp(value, "ephemeral", 9) == 0 && consists_of(value + 9, 1, 2, DIGITS))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected a volume of the instance store, such as ephemeral0");
}

int
form_volume_type(const char *value, struct err *err)
{
	if (consists_of(value, 2, 32, LOWER DIGITS "-"))
		return 0;
	return err_set(err, ERR_INVALID, "expected a type of volumes, such as gp3");
}

int
form_external_id(const char *value, struct err *err)
{
	if (consists_of(value, 2, 1224, LOWER UPPER DIGITS "_+=,.@:/-"))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected 2 to 1224 letters, digits and _+=,.@:/-");
}

int
form_instance_type(const char *value, struct err *err)
{
	size_t family = strspn(value, LOWER DIGITS "-");

	if (family > 0 && value[family] == '.' &&
		consists_of(value + family + 1, 1, 32, LOWER DIGITS "-"))
		return 0;
	return err_set(err, ERR_INVALID, "expected an instance type, such as m5.large");
}

int
form_key_id(const char *value, struct err *err)
{
	if (consists_of(value, 1, 128, LOWER UPPER DIGITS "_-"))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected an access key id, such as AKIAIOSFODNN7EXAMPLE");
}

int
form_octal_mode(const char *value, struct err *err)
{
	if (consists_of(value, 3, 4, "01234567") &&
		(value[3] == '\0' || value[0] == '0'))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected permissions as octal digits, such as \"0660\"");
}

int
form_path(const char *value, struct err *err)
{
	if (value[0] == '/')
		return 0;
	return err_set(err, ERR_INVALID, "expected a path that begins with /");
}

int
form_socket(const char *value, struct err *err)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (form_path(value, err) != 0)
		return -1;
	if (strlen(value) <= max)
		return 0;
	return err_set(err, ERR_INVALID,
		"%zu bytes; the path of a Unix socket has at most %zu", strlen(value),
		max);
}

/* The zone as a whole where only its end belongs is the usual slip: it gets its own sentence. */
int
form_placement(const char *value, struct err *err)
{
	size_t len = strlen(value), i;

	for (i = len; i > 0; i--)
		if (i < len && form_is_region(value, i))
			return err_set(err, ERR_INVALID,
				"give only what follows the region: %s", value + i);
	if (consists_of(value, 1, 2, LOWER) ||
		(value[0] == '-' && consists_of(value, 2, 32, LOWER DIGITS "-")))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected what follows the region in the zone's name, such as b");
}

int
form_pool(const char *value, struct err *err)
{
	if (consists_of(value, 1, 32, LOWER DIGITS "-"))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected 1 to 32 lower-case letters, digits and hyphens, such as linux-master");
}

int
form_printable(const char *value, struct err *err)
{
	for (const char *c = value; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return err_set(err, ERR_INVALID, "holds a control character");
	return 0;
}

int
form_region(const char *value, struct err *err)
{
	if (form_is_region(value, strlen(value)))
		return 0;
	return err_set(err, ERR_INVALID, "expected a region, such as eu-west-1");
}

/* arn:aws:iam::123456789012:role/path/name; other partitions are aws-cn and the like. */
int
form_role_arn(const char *value, struct err *err)
{
	size_t partition = strncmp(value, "arn:aws", 7) == 0
		? 7 + strspn(value + 7, LOWER DIGITS "-")
		: 0;
	const char *rest = value + partition;

	if (partition > 0 && strncmp(rest, ":iam::", 6) == 0 &&
		strspn(rest + 6, DIGITS) == 12 &&
		strncmp(rest + 18, ":role/", 6) == 0 &&
		consists_of(rest + 24, 1, 1024, LOWER UPPER DIGITS "_+=,.@/-"))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected the ARN of a role, such as arn:aws:iam::123456789012:role/ci");
}

int
form_security_group_id(const char *value, struct err *err)
{
	if (is_id(value, "sg-"))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected ids of security groups, such as sg-0abcdef1234567890%s",
		strncmp(value, "sg-", 3) == 0 ? ""
					      : "; a name belongs in security_name");
}

int
form_session_name(const char *value, struct err *err)
{
	if (consists_of(value, 2, 64, LOWER UPPER DIGITS "_+=,.@-"))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected 2 to 64 letters, digits and _+=,.@-");
}

int
form_subnet_id(const char *value, struct err *err)
{
	if (is_id(value, "subnet-"))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected a subnet's id, such as subnet-0abcdef1234567890");
}

int
form_volume_id(const char *value, struct err *err)
{
	if (is_id(value, "vol-"))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected the id of a volume, such as vol-0abcdef1234567890");
}

/* As EC2 writes it, so that two spellings of one address cannot hide that it is one. */
int
form_ipv4(const char *value, struct err *err)
{
	struct in_addr address;

	if (inet_pton(AF_INET, value, &address) == 1)
		return 0;
	return err_set(err, ERR_INVALID,
		"expected an IPv4 address, such as 203.0.113.7");
}

int
form_tag_value(const char *value, struct err *err)
{
	size_t length = form_length(value);

	if (length <= TAG_VALUE_MAX)
		return 0;
	return err_set(err, ERR_INVALID,
		"%zu characters; the value of a tag has at most %u", length,
		TAG_VALUE_MAX);
}

int
form_unix_name(const char *value, struct err *err)
{
	if (consists_of(value, 1, 256, LOWER UPPER DIGITS "_.@$\\-") && value[0] != '-')
		return 0;
	return err_set(err, ERR_INVALID, "expected the name of a group");
}

int
form_user(const char *value, struct err *err)
{
	if (form_unix_name(value[0] == '@' ? value + 1 : value, NULL) == 0)
		return 0;
	return err_set(err, ERR_INVALID,
		"expected names of users, or of groups as @name");
}

/* Bounds what a template can grow to before its size is looked at. */
int
form_var(const char *value, struct err *err)
{
	if (strlen(value) <= CONF_USER_DATA_MAX)
		return 0;
	return err_set(err, ERR_INVALID, "%zu bytes; user data has room for %u in all",
		strlen(value), CONF_USER_DATA_MAX);
}

/* The length of the host at the start of text: a name, an address, or [address]; 0 if none. */
static size_t
host_length(const char *text)
{
	size_t len;

	if (text[0] != '[')
		return strspn(text, LOWER UPPER DIGITS ".-_");
	len = strspn(text + 1, DIGITS "abcdefABCDEF:.");
	return len >= 2 && text[len + 1] == ']' ? len + 2 : 0;
}

static bool
is_port(const char *text, size_t len)
{
	unsigned port = 0;

	if (len == 0 || len > 5)
		return false;
	for (size_t i = 0; i < len; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	return port >= 1 && port <= UINT16_MAX;
}

/* host[:port][/] and nothing behind it. */
static bool
is_authority(const char *text)
{
	size_t at = host_length(text);

	if (at == 0)
		return false;
	if (text[at] == ':') {
		size_t digits = strspn(text + at + 1, DIGITS);

		if (!is_port(text + at + 1, digits))
			return false;
		at += 1 + digits;
	}
	return strcmp(text + at, "") == 0 || strcmp(text + at, "/") == 0;
}

static bool
is_url(const char *value, const char *const schemes[2])
{
	for (size_t i = 0; i < 2; i++) {
		size_t len = strlen(schemes[i]);

		if (strncmp(value, schemes[i], len) == 0)
			return is_authority(value + len);
	}
	return false;
}

int
form_endpoint(const char *value, struct err *err)
{
	static const char *const schemes[] = {"https://", "http://"};

	if (is_url(value, schemes))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected http(s)://host[:port], such as http://127.0.0.1:5000");
}

int
form_smtp_url(const char *value, struct err *err)
{
	static const char *const schemes[] = {"smtp://", "smtps://"};

	if (is_url(value, schemes))
		return 0;
	return err_set(err, ERR_INVALID,
		"expected smtp(s)://host[:port], such as smtp://localhost:25");
}

/* A port that the system picks would be one that nobody knows. */
int
form_listen(const char *value, struct err *err)
{
	if (tcp_check(value, NULL) == 0 && strcmp(strrchr(value, ':'), ":0") != 0)
		return 0;
	return err_set(err, ERR_INVALID,
		"expected an address and a port, such as 127.0.0.1:9189 or [::1]:9189");
}
