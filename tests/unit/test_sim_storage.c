/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and volumes without HTTP, on the fake clock: each refusal with its code, what
 * an instance's states do to both, bills, and rows of a scenario.
 */
#include "unit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sim/address.h"
#include "sim/cloud.h"
#include "sim/volume.h"
#include "sim_call.h"

#include <string.h>

#define IP "203.0.113.9"
#define ALLOCATION "eipalloc-00000001"
#define VOLUME "vol-00000001"
#define DELAY 500

static char address_ip[] = IP;
static char address_id[] = ALLOCATION;
static char region[] = "us-east-1";
static char volume_id[] = VOLUME;
static char zone[] = "us-east-1a";
static char type[] = "gp3";

/* With one address, one volume, and a running instance. */
static struct ec2 *
furnished(void)
{
	struct ec2 *e = ec2_new();
	struct sim_address_row address = {address_ip, address_id, region, {0}};
	struct sim_volume_row volume = {volume_id, zone, type, 40, {0}};

	e->times->volume = DELAY;
	sim_addresses_add_rows(sim_cloud_addresses(e->cloud), e->cloud, &address, 1);
	sim_volumes_add_rows(sim_cloud_volumes(e->cloud), &volume, 1);
	ec2_run(e, "");
	ec2_advance(e, 2000);
	return e;
}

static struct sim_instance *
instance(struct ec2 *e)
{
	return sim_cloud_at(e->cloud, 0);
}

/* Calls with the instance's id behind the form. */
static int
call(struct ec2 *e, const char *form)
{
	AUTO(free) char *text = xasprintf("%s%s", form, instance(e)->id);

	return ec2_call(e, text);
}

static struct sim_volume *
volume(struct ec2 *e)
{
	return sim_volumes_find(sim_cloud_volumes(e->cloud), region, VOLUME);
}

static struct sim_address *
address(struct ec2 *e)
{
	return sim_addresses_first(sim_cloud_addresses(e->cloud));
}

static const struct {
	int line;
	const char *form;
	const char *code;
} refusals[] = {
	{__LINE__, "ReleaseAddress", "MissingParameter"},
	{__LINE__, "ReleaseAddress&AllocationId=eipalloc-1",
		"InvalidAllocationID.NotFound"},
	{__LINE__, "ReleaseAddress&PublicIp=203.0.113.1", "InvalidAddress.NotFound"},
	{__LINE__, "ReleaseAddress&PublicIp=::1", "InvalidAddress.Malformed"},
	{__LINE__, "ReleaseAddress&PublicIp=" IP "&AllocationId=" ALLOCATION,
		"InvalidParameterCombination"},
	{__LINE__, "ReleaseAddress&PublicIp=" IP "&DryRun=true", "DryRunOperation"},
	{__LINE__, "AllocateAddress&Address=" IP, "InvalidParameterValue"},
	{__LINE__, "AllocateAddress&Address=here", "InvalidAddress.Malformed"},
	{__LINE__, "AllocateAddress&DryRun=true", "DryRunOperation"},
	{__LINE__,
		"AllocateAddress&TagSpecification.1.ResourceType=elastic-ip&"
		"TagSpecification.1.Tag.1.Key=aws:x",
		"InvalidParameterValue"},
	{__LINE__, "AssociateAddress&AllocationId=" ALLOCATION, "MissingParameter"},
	{__LINE__, "AssociateAddress&InstanceId=i-00000000", "MissingParameter"},
	{__LINE__, "AssociateAddress&AllocationId=" ALLOCATION "&InstanceId=bot",
		"InvalidInstanceID.Malformed"},
	{__LINE__, "AssociateAddress&AllocationId=" ALLOCATION "&InstanceId=i-00000000",
		"InvalidInstanceID.NotFound"},
	{__LINE__, "AssociateAddress&PublicIp=" IP "&NetworkInterfaceId=eni-00000000",
		"InvalidNetworkInterfaceID.NotFound"},
	{__LINE__, "AssociateAddress&PublicIp=" IP "&NetworkInterfaceId=x",
		"InvalidNetworkInterfaceID.NotFound"},
	{__LINE__, "DisassociateAddress", "MissingParameter"},
	{__LINE__, "DisassociateAddress&AssociationId=a&PublicIp=" IP,
		"MissingParameter"},
	{__LINE__, "DisassociateAddress&AssociationId=eipassoc-1",
		"InvalidAssociationID.NotFound"},
	{__LINE__, "DisassociateAddress&PublicIp=203.0.113.1",
		"InvalidAddress.NotFound"},
	{__LINE__, "DescribeAddresses&Filter.1.Name=colour&Filter.1.Value.1=red",
		"InvalidParameterValue"},
	{__LINE__, "DeleteVolume&VolumeId=disk", "InvalidParameterValue"},
	{__LINE__, "DeleteVolume&VolumeId=vol-2", "InvalidVolume.NotFound"},
	{__LINE__, "DeleteVolume&VolumeId=" VOLUME "&DryRun=true", "DryRunOperation"},
	{__LINE__, "DetachVolume&VolumeId=" VOLUME, "IncorrectState"},
	{__LINE__, "DescribeVolumes&MaxResults=4", "InvalidParameterValue"},
	{__LINE__, "CreateVolume&AvailabilityZone=us-east-1&Size=1",
		"InvalidZone.NotFound"},
	{__LINE__, "CreateVolume&AvailabilityZone=us-east-1b", "MissingParameter"},
	{__LINE__, "CreateVolume&AvailabilityZone=us-east-1b&Size=0",
		"InvalidParameterValue"},
	{__LINE__, "CreateVolume&AvailabilityZone=us-east-1b&Size=1&VolumeType=tape",
		"InvalidParameterValue"},
	{__LINE__, "CreateVolume&AvailabilityZone=us-east-1b&Size=1&DryRun=true",
		"DryRunOperation"},
};

START_TEST(refused)
{
	struct ec2 *e = furnished();

	ck_assert_msg(ec2_call(e, refusals[_i].form) != 0, "line %d",
		refusals[_i].line);
	ck_assert_msg(strcmp(e->code, refusals[_i].code) == 0, "line %d: %s: %s",
		refusals[_i].line, e->code, e->message);
	ck_assert_ptr_null(address(e)->next);
	ck_assert_int_eq(volume(e)->state, SIM_VOLUME_AVAILABLE);
	ec2_free(e);
}
END_TEST

#define ASSOCIATE "AssociateAddress&AllocationId=" ALLOCATION "&InstanceId="
#define ATTACH "AttachVolume&Device=/dev/sdf&VolumeId=" VOLUME "&InstanceId="

/* In which states an instance takes an address, and in which a volume. */
static const struct {
	int line;
	enum sim_state state;
	const char *address, *volume;
} states[] = {
	{__LINE__, SIM_PENDING, "IncorrectInstanceState", "IncorrectState"},
	{__LINE__, SIM_RUNNING, "", ""},
	{__LINE__, SIM_STOPPING, "", "IncorrectState"},
	{__LINE__, SIM_STOPPED, "", ""},
	{__LINE__, SIM_SHUTTING_DOWN, "IncorrectInstanceState", "IncorrectState"},
	{__LINE__, SIM_TERMINATED, "IncorrectInstanceState", "IncorrectState"},
};

START_TEST(by_state)
{
	struct ec2 *e = furnished();

	sim_cloud_force(e->cloud, instance(e), states[_i].state);
	(void)call(e, ASSOCIATE);
	ck_assert_msg(strcmp(e->code, states[_i].address) == 0, "line %d: %s",
		states[_i].line, e->code);
	(void)call(e, ATTACH);
	ck_assert_msg(strcmp(e->code, states[_i].volume) == 0, "line %d: %s",
		states[_i].line, e->code);
	ec2_free(e);
}
END_TEST

START_TEST(address_follows)
{
	struct ec2 *e = furnished();
	char ip[SIM_ID_SIZE];

	ck_assert_str_eq(sim_instance_public_ip(instance(e), ip), "198.18.0.1");
	ck_assert_int_eq(call(e, ASSOCIATE), 0);
	ck_assert_str_eq(ec2_text(e, "associationId", 0), address(e)->association);
	ck_assert_str_eq(sim_instance_public_ip(instance(e), ip), IP);
	ck_assert_int_eq(ec2_call(e, "DisassociateAddress&PublicIp=" IP), 0);
	ck_assert_ptr_null(instance(e)->address);
	/* Free already: done. */
	ck_assert_int_eq(ec2_call(e, "DisassociateAddress&PublicIp=" IP), 0);
	ck_assert_int_eq(call(e, ASSOCIATE), 0);
	ck_assert_int_eq(call(e, "TerminateInstances&InstanceId.1="), 0);
	ck_assert_ptr_eq(address(e)->instance, instance(e));
	ec2_advance(e, 3000);
	ck_assert_ptr_null(address(e)->instance);
	ck_assert_ptr_null(instance(e)->address);
	ck_assert_int_eq(ec2_call(e, "ReleaseAddress&AllocationId=" ALLOCATION), 0);
	ck_assert(address(e)->released);
	ck_assert_int_eq(ec2_call(e, "DescribeAddresses"), 0);
	ck_assert_uint_eq(ec2_count(e, "item"), 0);
	ec2_free(e);
}
END_TEST

START_TEST(volume_follows)
{
	struct ec2 *e = furnished();
	const struct sim_volume *v = volume(e);

	ck_assert_int_eq(call(e, ATTACH), 0);
	ck_assert_str_eq(ec2_text(e, "status", 0), "attaching");
	ec2_advance(e, DELAY - 1);
	ck_assert_int_eq(v->attachment, SIM_ATTACHING);
	ec2_advance(e, 1);
	ck_assert_int_eq(v->attachment, SIM_ATTACHED);
	ck_assert_int_eq(call(e, "StopInstances&InstanceId.1="), 0);
	ec2_advance(e, 3000);
	ck_assert_int_eq(v->attachment, SIM_ATTACHED);
	ck_assert_int_eq(call(e, "TerminateInstances&InstanceId.1="), 0);
	ck_assert_int_eq(v->attachment, SIM_DETACHING);
	ec2_advance(e, 2999);
	ck_assert_int_eq(v->attachment, SIM_DETACHING);
	ck_assert_int_eq(v->state, SIM_VOLUME_HELD);
	ec2_advance(e, 1);
	ck_assert_int_eq(v->attachment, SIM_DETACHED);
	ck_assert_int_eq(v->state, SIM_VOLUME_AVAILABLE);
	ck_assert_ptr_null(v->instance);
	ck_assert_ptr_null(instance(e)->volumes);
	ec2_free(e);
}
END_TEST

/* A machine that dies while a volume is on its way to it, and one on its way from it. */
START_TEST(volume_on_the_way)
{
	struct ec2 *e = furnished();

	ck_assert_int_eq(call(e, ATTACH), 0);
	sim_cloud_force(e->cloud, instance(e), SIM_TERMINATED);
	ck_assert_int_eq(volume(e)->state, SIM_VOLUME_AVAILABLE);
	ec2_advance(e, DELAY);
	ck_assert_int_eq(volume(e)->attachment, SIM_DETACHED);
	ec2_free(e);

	e = furnished();
	ck_assert_int_eq(call(e, ATTACH), 0);
	ec2_advance(e, DELAY);
	ck_assert_int_eq(ec2_call(e, "DetachVolume&VolumeId=" VOLUME), 0);
	ck_assert_int_eq(ec2_call(e, "DetachVolume&VolumeId=" VOLUME), 0);
	ck_assert_str_eq(ec2_text(e, "status", 0), "detaching");
	sim_cloud_force(e->cloud, instance(e), SIM_TERMINATED);
	ec2_advance(e, DELAY);
	ck_assert_int_eq(volume(e)->state, SIM_VOLUME_AVAILABLE);
	ec2_free(e);
}
END_TEST

/* A bill runs from the making to the deleting, whenever somebody looks. */
START_TEST(volume_bills)
{
	struct ec2 *e = furnished();
	const struct sim_volume *root = instance(e)->made;

	ck_assert_int_eq(sim_volume_billed_ms(root, clock_ms()), 2000);
	ck_assert_int_eq(call(e, "TerminateInstances&InstanceId.1="), 0);
	clock_fake_advance(60000);
	sim_cloud_advance(e->cloud);
	ck_assert_int_eq(root->state, SIM_VOLUME_DELETED);
	ck_assert_int_eq(sim_volume_billed_ms(root, clock_ms()), 5000);
	ck_assert_int_eq(sim_volume_billed_ms(volume(e), clock_ms()), 62000);
	ck_assert_int_eq(ec2_call(e, "DeleteVolume&VolumeId=" VOLUME), 0);
	ck_assert_ptr_null(volume(e));
	ec2_free(e);
}
END_TEST

START_TEST(volume_is_made)
{
	static const char form[] =
		"CreateVolume&AvailabilityZone=us-east-1a&Size=5&ClientToken=t";
	struct ec2 *e = furnished();
	AUTO(free) char *id = NULL;
	AUTO(free) char *attach = NULL;

	ck_assert_int_eq(ec2_call(e, form), 0);
	ck_assert_str_eq(ec2_text(e, "status", 0), "creating");
	id = xstrdup(ec2_text(e, "volumeId", 0));
	attach = xasprintf("AttachVolume&VolumeId=%s&Device=/dev/sdf&InstanceId=", id);
	ck_assert_int_ne(call(e, attach), 0);
	ck_assert_str_eq(e->code, "IncorrectState");
	ck_assert_int_eq(ec2_call(e, form), 0);
	ck_assert_str_eq(ec2_text(e, "volumeId", 0), id);
	ec2_advance(e, DELAY);
	ck_assert_int_eq(call(e, attach), 0);
	ck_assert_int_eq(ec2_call(e, form), 0);
	ck_assert_str_eq(ec2_text(e, "status", 0), "in-use");
	ck_assert_int_ne(ec2_call(e,
				 "CreateVolume&AvailabilityZone=us-east-1b&Size=5&"
				 "ClientToken=t"),
		0);
	ck_assert_str_eq(e->code, "IdempotentParameterMismatch");
	ec2_free(e);
}
END_TEST

static const struct {
	int line;
	const char *device;
	bool good;
} devices[] = {
	{__LINE__, "/dev/sdf", true},
	{__LINE__, "/dev/sda1", true},
	{__LINE__, "/dev/xvdba", true},
	{__LINE__, "xvdf", true},
	{__LINE__, "hdc", true},
	{__LINE__, "/dev/xvda", false}, /* taken */
	{__LINE__, "/dev/sd", false},
	{__LINE__, "/dev/sd1", false},
	{__LINE__, "/dev/sdabc", false},
	{__LINE__, "/dev/sdf%2F1", false},
	{__LINE__, "nvme0n1", false},
	{__LINE__, "", false},
};

START_TEST(device_names)
{
	struct ec2 *e = furnished();
	AUTO(free)
	char *form = xasprintf("AttachVolume&VolumeId=" VOLUME "&Device=%s&"
			       "InstanceId=",
		devices[_i].device);

	ck_assert_msg((call(e, form) == 0) == devices[_i].good, "line %d: %s",
		devices[_i].line, e->message);
	if (!devices[_i].good)
		ck_assert_str_eq(e->code, "InvalidParameterValue");
	ec2_free(e);
}
END_TEST

/* The limit counts a region's own; beyond the first network there is another. */
START_TEST(many_addresses)
{
	struct ec2 *e = furnished();

	e->scenario.addresses_max = 258;
	for (int n = 1; n < 258; n++)
		ck_assert_int_eq(ec2_call(e, "AllocateAddress"), 0);
	ck_assert_str_eq(ec2_text(e, "publicIp", 0), "198.51.100.3");
	ck_assert_int_ne(ec2_call(e, "AllocateAddress"), 0);
	ck_assert_str_eq(e->code, "AddressLimitExceeded");
	ck_assert_int_eq(ec2_call_in(e, "eu-west-1", "AllocateAddress"), 0);
	ck_assert_int_eq(ec2_call(e, "DescribeAddresses"), 0);
	ck_assert_uint_eq(ec2_count(e, "item"), 258);
	ec2_free(e);
}
END_TEST

/* Rows that are there already change nothing; a region's things are not another's. */
START_TEST(rows_again)
{
	struct ec2 *e = furnished();
	struct sim_address_row row = {address_ip, address_id, region, {0}};
	struct sim_volume_row disk = {volume_id, zone, type, 41, {0}};

	ck_assert_int_eq(call(e, ASSOCIATE), 0);
	sim_addresses_add_rows(sim_cloud_addresses(e->cloud), e->cloud, &row, 1);
	sim_volumes_add_rows(sim_cloud_volumes(e->cloud), &disk, 1);
	ck_assert_ptr_null(address(e)->next);
	ck_assert_ptr_nonnull(address(e)->instance);
	ck_assert_int_eq(volume(e)->size, 40);
	ck_assert_int_ne(ec2_call_in(e, "eu-west-1",
				 "DescribeVolumes&VolumeId.1=" VOLUME),
		0);
	ck_assert_str_eq(e->code, "InvalidVolume.NotFound");
	sim_cloud_clear(e->cloud);
	ck_assert_ptr_null(volume(e));
	ck_assert_ptr_null(address(e));
	ec2_free(e);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("sim_storage");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, refused, 0, COUNT_OF(refusals));
	tcase_add_loop_test(all, by_state, 0, COUNT_OF(states));
	tcase_add_test(all, address_follows);
	tcase_add_test(all, volume_follows);
	tcase_add_test(all, volume_on_the_way);
	tcase_add_test(all, volume_bills);
	tcase_add_test(all, volume_is_made);
	tcase_add_loop_test(all, device_names, 0, COUNT_OF(devices));
	tcase_add_test(all, many_addresses);
	tcase_add_test(all, rows_again);
	suite_add_tcase(s, all);
	return s;
}
