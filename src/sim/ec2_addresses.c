/* SPDX-License-Identifier: Apache-2.0 */
/* The actions of elastic addresses (EC2-WIRE.md 4.5). All are for use in a VPC. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/address.h"
#include "sim/cloud.h"
#include "sim/listing.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/text.h"
#include "sim/xmlout.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const struct sim_page_rule one_page = {NULL, NULL, 5, 1000};

static const char *const domains[] = {"vpc", "standard", NULL};
static const char *const taggable[] = {"elastic-ip", NULL};

static const struct sim_param_row allocate_address[] = {
	{.name = "Domain", .type = SIM_PARAM_CHOICE, .choices = domains},
	{.name = "Address"},
	{.name = "NetworkBorderGroup"},
	{.name = "TagSpecification.N.ResourceType",
		.type = SIM_PARAM_CHOICE,
		.choices = taggable},
	{.name = "TagSpecification.N.Tag.N.Key"},
	{.name = "TagSpecification.N.Tag.N.Value"},
	{.name = NULL},
};

static const struct sim_param_row release_address[] = {
	{.name = "AllocationId"},
	{.name = "PublicIp"},
	{.name = "NetworkBorderGroup"},
	{.name = NULL},
};

static const struct sim_param_row describe_addresses[] = {
	{.name = "PublicIp.N"},
	{.name = "AllocationId.N"},
	{.name = "Filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = NULL},
};

static const struct sim_param_row associate_address[] = {
	{.name = "AllocationId"},
	{.name = "PublicIp"},
	{.name = "InstanceId"},
	{.name = "NetworkInterfaceId"},
	{.name = "PrivateIpAddress"},
	{.name = "AllowReassociation", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

static const struct sim_param_row disassociate_address[] = {
	{.name = "AssociationId"},
	{.name = "PublicIp"},
	{.name = NULL},
};

static struct sim_addresses *
addresses(const struct sim_call *call)
{
	return sim_cloud_addresses(call->cloud);
}

static int
check_ip(struct sim_call *call, const char *ip)
{
	struct in_addr addr;

	if (inet_pton(AF_INET, ip, &addr) == 1)
		return 0;
	return sim_fail(&call->error, SIM_INVALID_ADDRESS_MALFORMED,
		"Invalid value '%.64s' for address. It is not an IPv4 address.", ip);
}

/* NULL and the error. */
static struct sim_address *
by_ip(struct sim_call *call, const char *ip)
{
	struct sim_address *a;

	if (check_ip(call, ip) != 0)
		return NULL;
	a = sim_addresses_find(addresses(call), call->region, ip, NULL, NULL);
	if (a == NULL)
		sim_fail(&call->error, SIM_INVALID_ADDRESS_NOT_FOUND,
			"Address '%s' not found.", ip);
	return a;
}

static struct sim_address *
by_allocation(struct sim_call *call, const char *id)
{
	struct sim_address *a = sim_addresses_find(addresses(call), call->region, NULL,
		id, NULL);

	if (a == NULL)
		sim_fail(&call->error, SIM_INVALID_ALLOCATION_ID_NOT_FOUND,
			"The allocation ID '%.100s' does not exist", id);
	return a;
}

/* The address that AllocationId or PublicIp names. */
static struct sim_address *
named(struct sim_call *call)
{
	const char *id = sim_params_get(call->params, "AllocationId");
	const char *ip = sim_params_get(call->params, "PublicIp");

	if (id != NULL && ip != NULL)
		sim_fail(&call->error, SIM_INVALID_PARAMETER_COMBINATION,
			"You may specify public IP or allocation id, but not both in the same call");
	else if (id != NULL)
		return by_allocation(call, id);
	else if (ip != NULL)
		return by_ip(call, ip);
	else
		sim_fail(&call->error, SIM_MISSING_PARAMETER,
			"Either public IP or allocation id must be specified");
	return NULL;
}

static int
check_allocation(struct sim_call *call, const char *ip)
{
	if (sim_addresses_count(addresses(call), call->region) >=
		(size_t)call->scenario->addresses_max)
		return sim_fail(&call->error, SIM_ADDRESS_LIMIT_EXCEEDED,
			"The maximum number of addresses has been reached.");
	if (ip != NULL && check_ip(call, ip) != 0)
		return -1;
	if (ip != NULL &&
		sim_addresses_find(addresses(call), call->region, ip, NULL, NULL) !=
			NULL)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"The address '%s' is not available.", ip);
	return 0;
}

static int
do_allocate(struct sim_call *call)
{
	const char *ip = sim_params_get(call->params, "Address");
	struct strmap tags = {0};
	struct sim_address *a;

	if (check_allocation(call, ip) != 0)
		return -1;
	if (sim_ec2_parse_tag_list(call, 1, &tags) != 0 ||
		sim_call_dry_run(call) != 0) {
		strmap_fini(&tags);
		return -1;
	}
	a = sim_addresses_add(addresses(call), call->cloud, call->region, ip);
	a->tags = tags;
	sim_xml_text(call->out, "publicIp", a->public_ip);
	sim_xml_text(call->out, "allocationId", a->allocation);
	sim_xml_text(call->out, "domain", "vpc");
	sim_xml_text(call->out, "publicIpv4Pool", "amazon");
	sim_xml_text(call->out, "networkBorderGroup", a->region);
	return 0;
}

static int
do_release(struct sim_call *call)
{
	struct sim_address *a = named(call);

	if (a == NULL)
		return -1;
	if (a->instance != NULL)
		return sim_fail(&call->error, SIM_INVALID_IP_ADDRESS_IN_USE,
			"Address '%s' is in use.", a->public_ip);
	if (sim_call_dry_run(call) != 0)
		return -1;
	sim_address_release(addresses(call), a);
	sim_xml_bool(call->out, "return", true);
	return 0;
}

/* By its id, or by that of its network interface. NULL and the error. */
static struct sim_instance *
find_instance(struct sim_call *call)
{
	const char *id = sim_params_get(call->params, "InstanceId");
	const char *interface = sim_params_get(call->params, "NetworkInterfaceId");
	struct sim_instance *i = NULL;
	char of_interface[SIM_ID_SIZE];

	if (id != NULL)
		return sim_ec2_find_instance(call, id);
	if (interface == NULL) {
		sim_fail(&call->error, SIM_MISSING_PARAMETER,
			"Either instance ID or network interface id must be specified");
		return NULL;
	}
	if (sim_text_is_id(interface, "eni-", 8, 17)) {
		(void)snprintf(of_interface, sizeof(of_interface), "i-%s",
			interface + strlen("eni-"));
		i = sim_cloud_find(call->cloud, call->region, of_interface);
	}
	if (i == NULL)
		sim_fail(&call->error, SIM_INVALID_NETWORK_INTERFACE_ID_NOT_FOUND,
			"The networkInterface ID '%.100s' does not exist", interface);
	return i;
}

static int
check_association(struct sim_call *call, const struct sim_address *a,
	const struct sim_instance *i)
{
	/* What is not sent is true for addresses in a VPC. */
	const char *move = sim_params_get(call->params, "AllowReassociation");
	const char *private = sim_params_get(call->params, "PrivateIpAddress");
	const struct sim_address *taken = a->instance != NULL ? a : i->address;
	char ip[SIM_ID_SIZE];

	if (i->state != SIM_RUNNING && i->state != SIM_STOPPING &&
		i->state != SIM_STOPPED)
		return sim_fail(&call->error, SIM_INCORRECT_INSTANCE_STATE,
			"The %s instance '%s' is not in a valid state for this operation.",
			sim_state_name(i->state), i->id);
	if (private != NULL && strcmp(private, sim_instance_private_ip(i, ip)) != 0)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Private IP address '%.64s' is not of instance '%s'.", private,
			i->id);
	if (taken != NULL && a->instance != i && str_equal(move, "false"))
		return sim_fail(&call->error, SIM_RESOURCE_ALREADY_ASSOCIATED,
			"resource %s is already associated with associate-id %s",
			taken->allocation, taken->association);
	return 0;
}

static int
do_associate(struct sim_call *call)
{
	struct sim_address *a = named(call);
	struct sim_instance *i = a != NULL ? find_instance(call) : NULL;

	if (i == NULL || check_association(call, a, i) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	sim_address_associate(addresses(call), a, i, call->cloud);
	sim_xml_bool(call->out, "return", true);
	sim_xml_text(call->out, "associationId", a->association);
	return 0;
}

static int
do_disassociate(struct sim_call *call)
{
	const char *id = sim_params_get(call->params, "AssociationId");
	const char *ip = sim_params_get(call->params, "PublicIp");
	struct sim_address *a = NULL;

	if ((id == NULL) == (ip == NULL))
		return sim_fail(&call->error, SIM_MISSING_PARAMETER,
			"Either public IP or association id must be specified, and not both");
	if (id != NULL)
		a = sim_addresses_find(addresses(call), call->region, NULL, NULL, id);
	else if ((a = by_ip(call, ip)) == NULL)
		return -1;
	/* Done before is done (EC2, idempotency). */
	if (a == NULL && !sim_addresses_knew(addresses(call), id))
		return sim_fail(&call->error, SIM_INVALID_ASSOCIATION_ID_NOT_FOUND,
			"The association ID '%.100s' does not exist", id);
	if (sim_call_dry_run(call) != 0)
		return -1;
	if (a != NULL)
		sim_address_free_up(addresses(call), a);
	sim_xml_bool(call->out, "return", true);
	return 0;
}

static const char *
get_allocation(const void *obj, char text[static SIM_FILTER_TEXT])
{
	(void)text;
	return ((const struct sim_address *)obj)->allocation;
}

static const char *
get_association(const void *obj, char text[static SIM_FILTER_TEXT])
{
	const struct sim_address *a = obj;

	(void)text;
	return a->instance != NULL ? a->association : NULL;
}

static const char *
get_domain(const void *obj, char text[static SIM_FILTER_TEXT])
{
	(void)obj;
	(void)text;
	return "vpc";
}

static const char *
get_instance(const void *obj, char text[static SIM_FILTER_TEXT])
{
	const struct sim_address *a = obj;

	(void)text;
	return a->instance != NULL ? a->instance->id : NULL;
}

static const char *
get_interface(const void *obj, char text[static SIM_FILTER_TEXT])
{
	const struct sim_address *a = obj;

	return a->instance != NULL ? sim_ec2_interface(a->instance, text) : NULL;
}

static const char *
get_private_ip(const void *obj, char text[static SIM_FILTER_TEXT])
{
	const struct sim_address *a = obj;

	return a->instance != NULL ? sim_instance_private_ip(a->instance, text) : NULL;
}

static const char *
get_public_ip(const void *obj, char text[static SIM_FILTER_TEXT])
{
	(void)text;
	return ((const struct sim_address *)obj)->public_ip;
}

static bool
test_tag(const void *obj, const struct sim_filter *f)
{
	return sim_filter_takes_tag(f, &((const struct sim_address *)obj)->tags);
}

static const struct sim_filter_row filters[] = {
	{"allocation-id", get_allocation, NULL},
	{"association-id", get_association, NULL},
	{"domain", get_domain, NULL},
	{"instance-id", get_instance, NULL},
	{"network-interface-id", get_interface, NULL},
	{"private-ip-address", get_private_ip, NULL},
	{"public-ip", get_public_ip, NULL},
	{"tag-key", NULL, test_tag},
	{"tag:", NULL, test_tag},
	{NULL, NULL, NULL},
};

static void
put_address(const void *obj, const void *before, struct buf *out)
{
	const struct sim_address *a = obj;
	char text[SIM_ID_SIZE];

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "publicIp", a->public_ip);
	sim_xml_text(out, "allocationId", a->allocation);
	sim_xml_text(out, "domain", "vpc");
	sim_xml_text(out, "publicIpv4Pool", "amazon");
	sim_xml_text(out, "networkBorderGroup", a->region);
	if (a->instance != NULL) {
		sim_xml_text(out, "instanceId", a->instance->id);
		sim_xml_text(out, "associationId", a->association);
		sim_xml_text(out, "networkInterfaceId",
			sim_ec2_interface(a->instance, text));
		sim_xml_text(out, "networkInterfaceOwnerId", SIM_OWNER_ID);
		sim_xml_text(out, "privateIpAddress",
			sim_instance_private_ip(a->instance, text));
	}
	sim_xml_map(out, "tagSet", &a->tags, "key", "value");
	buf_puts(out, "</item>");
}

/* Each that is named must be there. */
static int
check_names(struct sim_call *call)
{
	const char *text;

	for (size_t n = 1;
		(text = sim_params_getf(call->params, "PublicIp.%zu", n)) != NULL; n++)
		if (by_ip(call, text) == NULL)
			return -1;
	for (size_t n = 1;
		(text = sim_params_getf(call->params, "AllocationId.%zu", n)) != NULL;
		n++)
		if (by_allocation(call, text) == NULL)
			return -1;
	return 0;
}

static bool
is_in(const struct sim_call *call, const char *list, const char *text)
{
	const char *item;

	for (size_t n = 1;
		(item = sim_params_getf(call->params, "%s.%zu", list, n)) != NULL; n++)
		if (strcmp(item, text) == 0)
			return true;
	return false;
}

static bool
is_asked_for(const struct sim_call *call, const struct sim_address *a)
{
	if (a->released || strcmp(a->region, call->region) != 0)
		return false;
	if (!sim_params_under(call->params, "PublicIp.") &&
		!sim_params_under(call->params, "AllocationId."))
		return true;
	return is_in(call, "PublicIp", a->public_ip) ||
		is_in(call, "AllocationId", a->allocation);
}

static int
do_describe(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &one_page,
		.set = "addressesSet",
		.put = put_address};
	const struct sim_address *a;

	if (sim_listing_begin(&l, filters) != 0 || check_names(call) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	for (a = sim_addresses_first(addresses(call)); a != NULL; a = a->next)
		if (is_asked_for(call, a))
			(void)sim_listing_offer(&l, a->seq, a);
	sim_listing_end(&l);
	return 0;
}

const struct sim_action sim_ec2_address_actions[] = {
	{
		.name = "AllocateAddress",
		.run = do_allocate,
		.params = allocate_address,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "ReleaseAddress",
		.run = do_release,
		.params = release_address,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "DescribeAddresses",
		.run = do_describe,
		.params = describe_addresses,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "AssociateAddress",
		.run = do_associate,
		.params = associate_address,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "DisassociateAddress",
		.run = do_disassociate,
		.params = disassociate_address,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
