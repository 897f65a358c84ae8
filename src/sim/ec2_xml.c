/* SPDX-License-Identifier: Apache-2.0 */
/* The instance element of RunInstances and DescribeInstances. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/clock.h"
#include "sim/address.h"
#include "sim/volume.h"
#include "sim/xmlout.h"

#include <stdio.h>
#include <string.h>

#define TEXT 160

static const char *
dns_name(const char *ip, const char *prefix, const char *domain, char text[static TEXT])
{
	(void)snprintf(text, TEXT, "%s-%s.%s", prefix, ip, domain);
	for (char *p = text; *p != '\0' && p < text + strlen(prefix) + 1 + strlen(ip);
		p++)
		if (*p == '.')
			*p = '-';
	return text;
}

const char *
sim_ec2_public_dns(const struct sim_instance *i, char text[static TEXT])
{
	const char *region = i->launch->region;
	char ip[SIM_ID_SIZE];
	char domain[100];

	if (sim_instance_public_ip(i, ip)[0] == '\0')
		return NULL;
	if (strcmp(region, "us-east-1") == 0)
		(void)snprintf(domain, sizeof(domain), "compute-1.amazonaws.com");
	else
		(void)snprintf(domain, sizeof(domain), "%s.compute.amazonaws.com",
			region);
	return dns_name(ip, "ec2", domain, text);
}

const char *
sim_ec2_private_dns(const struct sim_instance *i, char text[static TEXT])
{
	const char *region = i->launch->region;
	char ip[SIM_ID_SIZE];
	char domain[100];

	if (i->state == SIM_TERMINATED || sim_instance_private_ip(i, ip)[0] == '\0')
		return NULL;
	if (strcmp(region, "us-east-1") == 0)
		(void)snprintf(domain, sizeof(domain), "ec2.internal");
	else
		(void)snprintf(domain, sizeof(domain), "%s.compute.internal", region);
	return dns_name(ip, "ip", domain, text);
}

const char *
sim_ec2_interface(const struct sim_instance *i, char text[static SIM_ID_SIZE])
{
	(void)snprintf(text, SIM_ID_SIZE, "eni-%.17s", i->id + strlen("i-"));
	return text;
}

const char *
sim_ec2_reason(const struct sim_instance *i, char text[static TEXT])
{
	char at[CLOCK_TEXT_SIZE];

	text[0] = '\0';
	if (i->reason.text == NULL)
		return text;
	clock_format(i->ended_wall_ms != 0 ? i->ended_wall_ms : clock_wall_ms(), at);
	(void)snprintf(text, TEXT, "%.100s (%.10s %.8s GMT)", i->reason.text, at,
		at + 11);
	return text;
}

/* Graviton families have a g behind their generation: c7g, m6gd, t4g; and there is a1. */
const char *
sim_ec2_architecture(const char *instance_type)
{
	size_t letters = strspn(instance_type, "abcdefghijklmnopqrstuvwxyz");
	const char *behind = instance_type + letters +
		strspn(instance_type + letters, "0123456789");

	return *behind == 'g' || strncmp(instance_type, "a1.", 3) == 0 ? "arm64"
								       : "x86_64";
}

void
sim_ec2_state_xml(struct buf *out, const char *element, enum sim_state state)
{
	sim_xml_open(out, element);
	sim_xml_int(out, "code", sim_state_code(state));
	sim_xml_text(out, "name", sim_state_name(state));
	sim_xml_close(out, element);
}

static void
put_identity(const struct sim_instance *i, struct buf *out)
{
	const struct sim_launch *l = i->launch;
	char text[TEXT];

	sim_xml_text(out, "instanceId", i->id);
	sim_xml_text(out, "imageId", l->image);
	sim_ec2_state_xml(out, "instanceState", i->state);
	sim_xml_text(out, "privateDnsName", sim_ec2_private_dns(i, text));
	sim_xml_text(out, "dnsName", sim_ec2_public_dns(i, text));
	sim_xml_text(out, "reason", sim_ec2_reason(i, text));
	sim_xml_text(out, "keyName", l->key_name);
	sim_xml_int(out, "amiLaunchIndex", (int64_t)i->index);
	sim_xml_text(out, "instanceType", l->type);
	sim_xml_time(out, "launchTime", l->launched_wall_ms);
	sim_xml_text(out, "clientToken", l->token != NULL ? l->token : "");
	if (l->spot) {
		sim_xml_text(out, "instanceLifecycle", "spot");
		sim_xml_text(out, "spotInstanceRequestId", sim_ec2_request_id(i, text));
	}
}

static void
put_place(const struct sim_instance *i, struct buf *out)
{
	const struct sim_launch *l = i->launch;

	sim_xml_open(out, "placement");
	sim_xml_text(out, "availabilityZone", l->zone);
	sim_xml_text(out, "groupName", "");
	sim_xml_text(out, "tenancy", l->tenancy != NULL ? l->tenancy : "default");
	sim_xml_close(out, "placement");
	sim_xml_open(out, "monitoring");
	sim_xml_text(out, "state", l->monitoring ? "enabled" : "disabled");
	sim_xml_close(out, "monitoring");
}

/* Whose the public address is: the account's if it is an elastic one. */
static void
put_association(const struct sim_instance *i, struct buf *out)
{
	char text[TEXT];
	char ip[SIM_ID_SIZE];

	if (sim_instance_public_ip(i, ip)[0] == '\0')
		return;
	sim_xml_open(out, "association");
	sim_xml_text(out, "publicIp", ip);
	sim_xml_text(out, "publicDnsName", sim_ec2_public_dns(i, text));
	sim_xml_text(out, "ipOwnerId", i->address != NULL ? SIM_OWNER_ID : "amazon");
	sim_xml_close(out, "association");
}

static void
put_interface(const struct sim_instance *i, struct buf *out)
{
	char text[SIM_ID_SIZE];

	buf_puts(out, "<networkInterfaceSet><item>");
	sim_xml_text(out, "networkInterfaceId", sim_ec2_interface(i, text));
	sim_xml_text(out, "subnetId", i->launch->subnet);
	sim_xml_text(out, "vpcId", i->launch->vpc);
	sim_xml_text(out, "ownerId", SIM_OWNER_ID);
	sim_xml_text(out, "status", "in-use");
	sim_xml_text(out, "privateIpAddress", sim_instance_private_ip(i, text));
	put_association(i, out);
	buf_puts(out, "</item></networkInterfaceSet>");
}

static void
put_network(const struct sim_instance *i, struct buf *out)
{
	char ip[SIM_ID_SIZE];

	if (i->state == SIM_TERMINATED)
		return;
	sim_xml_text(out, "subnetId", i->launch->subnet);
	sim_xml_text(out, "vpcId", i->launch->vpc);
	if (sim_instance_private_ip(i, ip)[0] != '\0')
		sim_xml_text(out, "privateIpAddress", ip);
	if (sim_instance_public_ip(i, ip)[0] != '\0')
		sim_xml_text(out, "ipAddress", ip);
	sim_xml_map(out, "groupSet", &i->launch->groups, "groupId", "groupName");
	put_interface(i, out);
}

static void
put_disks(const struct sim_instance *i, struct buf *out)
{
	const struct sim_volume *v;

	sim_xml_text(out, "rootDeviceType", "ebs");
	sim_xml_text(out, "rootDeviceName", i->launch->disks[0].device);
	if (i->state == SIM_TERMINATED)
		return;
	sim_xml_open(out, "blockDeviceMapping");
	for (v = i->volumes; v != NULL; v = v->next_of) {
		buf_puts(out, "<item>");
		sim_xml_text(out, "deviceName", v->device);
		sim_xml_open(out, "ebs");
		sim_xml_text(out, "volumeId", v->id);
		sim_xml_text(out, "status", sim_attachment_name(v->attachment));
		sim_xml_time(out, "attachTime", v->attached_wall_ms);
		sim_xml_bool(out, "deleteOnTermination", v->delete_on_termination);
		sim_xml_close(out, "ebs");
		buf_puts(out, "</item>");
	}
	sim_xml_close(out, "blockDeviceMapping");
}

static void
put_state_reason(const struct sim_instance *i, struct buf *out)
{
	if (i->reason.code == NULL)
		return;
	sim_xml_open(out, "stateReason");
	sim_xml_text(out, "code", i->reason.code);
	sim_xml_text(out, "message", i->reason.message);
	sim_xml_close(out, "stateReason");
}

static void
put_options(const struct sim_instance *i, struct buf *out)
{
	const struct sim_launch *l = i->launch;

	sim_xml_text(out, "architecture", l->architecture);
	sim_xml_text(out, "virtualizationType", "hvm");
	sim_xml_text(out, "hypervisor", "xen");
	sim_xml_bool(out, "ebsOptimized", l->ebs_optimized);
	if (l->profile != NULL) {
		sim_xml_open(out, "iamInstanceProfile");
		sim_xml_text(out, "arn", l->profile);
		sim_xml_text(out, "id", "AIPAEC2SIM00000000000");
		sim_xml_close(out, "iamInstanceProfile");
	}
	sim_xml_open(out, "metadataOptions");
	sim_xml_text(out, "state", i->state == SIM_PENDING ? "pending" : "applied");
	sim_xml_text(out, "httpTokens",
		l->http_tokens != NULL ? l->http_tokens : "optional");
	sim_xml_text(out, "httpPutResponseHopLimit",
		l->http_hops != NULL ? l->http_hops : "1");
	sim_xml_text(out, "httpEndpoint",
		l->http_endpoint != NULL ? l->http_endpoint : "enabled");
	sim_xml_text(out, "instanceMetadataTags",
		l->instance_tags != NULL ? l->instance_tags : "disabled");
	sim_xml_close(out, "metadataOptions");
}

void
sim_ec2_instance_xml(const struct sim_instance *i, struct buf *out)
{
	buf_puts(out, "<item>");
	put_identity(i, out);
	put_place(i, out);
	put_network(i, out);
	put_state_reason(i, out);
	put_disks(i, out);
	put_options(i, out);
	if (!i->tags_gone)
		sim_xml_map(out, "tagSet", &i->tags, "key", "value");
	buf_puts(out, "</item>");
}
