/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_device_map and metadata_options from the file to the request: both spellings, what
 * is refused and in which words, and the parameters that EC2 gets.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "ec2/request.h"

#include <string.h>

#define GROUP "    security_name: g\n"
#define MAP "    block_device_map:\n"

static char *
worker_with(const char *lines)
{
	return xasprintf("%s%s%s%s", CONF_TOP, CONF_WORKER, GROUP, lines);
}

/* The parameters of disks and metadata, as EC2 would get them. */
static char *
sent(const char *lines)
{
	AUTO(free) char *text = worker_with(lines), *told = NULL;
	AUTO(buf) struct buf body = {.data = NULL};
	struct ec2_run run = {.device_rows = &conf_device_fields,
		.metadata_rows = &conf_metadata_fields};
	struct conf *conf;
	char *begin, *end;

	told = conf_told(text, "/nowhere", &conf);
	ck_assert_msg(conf != NULL, "%s", told);
	run.devices = &conf->workers[0]->block_device_map;
	run.metadata = &conf->workers[0]->metadata_options;
	ec2_run_body(&run, &body);
	conf_free(conf);
	begin = strstr(body.data, "&MetadataOptions");
	end = strstr(body.data, "&TagSpecification");
	ck_assert(begin != NULL && end != NULL && begin < end);
	return xstrndup(begin + 1, (size_t)(end - begin) - 1);
}

#define PLAIN                                                                          \
	"MetadataOptions.HttpTokens=required"                                          \
	"&MetadataOptions.HttpPutResponseHopLimit=1"                                   \
	"&MetadataOptions.HttpEndpoint=enabled"
#define DISK(n, rest) "&BlockDeviceMapping." n "." rest
#define ENDS(n) DISK(n, "Ebs.DeleteOnTermination=true")

static const struct {
	int line;
	const char *lines, *params;
} requests[] = {
	{__LINE__, "", PLAIN},
	{__LINE__, "    block_device_map: ~\n", PLAIN},
	{__LINE__, "    block_device_map: []\n", PLAIN},
	{__LINE__, MAP "      /dev/xvdb: { volume_type: io1, iops: 1000, size: 100 }\n",
		PLAIN DISK("1", "DeviceName=%2Fdev%2Fxvdb") ENDS("1")
			DISK("1", "Ebs.Iops=1000") DISK("1", "Ebs.VolumeSize=100")
				DISK("1", "Ebs.VolumeType=io1")},
	{__LINE__,
		MAP "      - DeviceName: /dev/xvdb\n"
		    "        Ebs: { VolumeType: io1, Iops: 1000, VolumeSize: 100 }\n",
		PLAIN DISK("1", "DeviceName=%2Fdev%2Fxvdb") ENDS("1")
			DISK("1", "Ebs.Iops=1000") DISK("1", "Ebs.VolumeSize=100")
				DISK("1", "Ebs.VolumeType=io1")},
	{__LINE__,
		MAP "      sdb: { size: 1, delete_on_termination: false, encrypted: no,"
		    " iops: ~, snapshot_id: snap-1, volume_type: null }\n"
		    "      sdc: { delete_on_termination: ~, size: 2 }\n",
		PLAIN DISK("1", "DeviceName=sdb") DISK("1",
			"Ebs.DeleteOnTermination=false") DISK("1",
			"Ebs.SnapshotId=snap-1") DISK("1", "Ebs.VolumeSize=1")
			DISK("1", "Ebs.Encrypted=false") DISK("2", "DeviceName=sdc")
				ENDS("2") DISK("2", "Ebs.VolumeSize=2")},
	{__LINE__,
		MAP
		"      - { DeviceName: sdb, VirtualName: ephemeral0 }\n"
		"      - { DeviceName: sdc, NoDevice: \"\" }\n"
		"      - { DeviceName: sda1, Ebs: { DeleteOnTermination: true } }\n",
		PLAIN DISK("1", "DeviceName=sdb") DISK("1", "VirtualName=ephemeral0")
			DISK("2", "DeviceName=sdc") DISK("2", "NoDevice=")
				DISK("3", "DeviceName=sda1") ENDS("3")},
	{__LINE__,
		MAP "      - DeviceName: sdb\n        Ebs:\n"
		    "          Encrypted: true\n          KmsKeyId: alias/ci\n"
		    "          Throughput: 250\n          VolumeType: gp3\n"
		    "          OutpostArn: arn:aws:outposts:x\n"
		    "          AvailabilityZone: us-west-2b\n"
		    "          AvailabilityZoneId: usw2-az1\n"
		    "          VolumeInitializationRate: 200\n"
		    "          EbsCardIndex: 0\n",
		PLAIN DISK("1", "DeviceName=sdb") ENDS(
			"1") DISK("1", "Ebs.VolumeType=gp3") DISK("1",
			"Ebs.KmsKeyId=alias%2Fci") DISK("1", "Ebs.Throughput=250")
			DISK("1", "Ebs.OutpostArn=arn%3Aaws%3Aoutposts%3Ax")
				DISK("1", "Ebs.AvailabilityZone=us-west-2b") DISK("1",
					"Ebs.AvailabilityZoneId=usw2-az1")
					DISK("1", "Ebs.Encrypted=true") DISK("1",
						"Ebs.VolumeInitializationRate=200")
						DISK("1", "Ebs.EbsCardIndex=0")},
	{__LINE__, MAP "      sdb: {}\n", PLAIN DISK("1", "DeviceName=sdb")},
	{__LINE__,
		"    metadata_options: { HttpTokens: optional, HttpEndpoint: disabled,"
		" HttpPutResponseHopLimit: 2, HttpProtocolIpv6: enabled,"
		" InstanceMetadataTags: disabled }\n",
		"MetadataOptions.HttpTokens=optional"
		"&MetadataOptions.HttpPutResponseHopLimit=2"
		"&MetadataOptions.HttpEndpoint=disabled"
		"&MetadataOptions.HttpProtocolIpv6=enabled"
		"&MetadataOptions.InstanceMetadataTags=disabled"},
	{__LINE__, "    metadata_options: ~\n", PLAIN},
};

START_TEST(what_ec2_gets)
{
	AUTO(free) char *params = sent(requests[_i].lines);

	ck_assert_msg(strcmp(params, requests[_i].params) == 0, "line %d:\n%s",
		requests[_i].line, params);
}
END_TEST

/* The first problem, behind "workers.bot1.block_device_map". */
static const struct {
	int line;
	const char *lines, *told;
} problems[] = {
	{__LINE__, "    block_device_map: /dev/xvdb\n",
		"t.yaml:9:23: error: workers.bot1.block_device_map: expected a list of "
		"mappings, or a mapping of names to mappings, or null, got a single value"},
	{__LINE__, MAP "      - { DeviceName: sdb, ebs: {} }\n",
		"t.yaml:10:28: error: workers.bot1.block_device_map[0].ebs: unknown key; did "
		"you mean 'Ebs'?"},
	{__LINE__, MAP "      - { DeviceName: sdb, Ebs: { VolumSize: 5 } }\n",
		"t.yaml:10:35: error: workers.bot1.block_device_map[0].Ebs.VolumSize: "
		"unknown key; did you mean 'VolumeSize'?"},
	{__LINE__, MAP "      - { DeviceName: sdb, Ebs: { VolumeSize: big } }\n",
		"t.yaml:10:47: error: workers.bot1.block_device_map[0].Ebs.VolumeSize: "
		"expected a whole number, from 1 to 65536"},
	{__LINE__, MAP "      - { DeviceName: sdb, Ebs: { Encrypted: 1 } }\n",
		"t.yaml:10:46: error: workers.bot1.block_device_map[0].Ebs.Encrypted: "
		"expected true or false"},
	{__LINE__, MAP "      - { Ebs: { VolumeSize: 5 } }\n",
		"t.yaml:10:9: error: workers.bot1.block_device_map[0].DeviceName: required"},
	{__LINE__, MAP "      DeviceName: sdb\n",
		"t.yaml:10:7: error: workers.bot1.block_device_map.DeviceName: expected the "
		"name of a device, such as /dev/xvdb; in the words of the EC2 API each "
		"device is an element of a list"},
	{__LINE__, MAP "      sdb: { type: io1 }\n",
		"t.yaml:10:14: error: workers.bot1.block_device_map.sdb.type: unknown key; "
		"known are volume_type, iops, size, snapshot_id, encrypted, "
		"delete_on_termination"},
	{__LINE__, MAP "      sdb: { size: 0 }\n",
		"t.yaml:10:20: error: workers.bot1.block_device_map.sdb.size: must be from 1 "
		"to 65536"},
	{__LINE__, MAP "      sdb: { snapshot_id: vol-1 }\n",
		"t.yaml:10:27: error: workers.bot1.block_device_map.sdb.snapshot_id: "
		"expected a snapshot's id, such as snap-0abcdef1234567890"},
	{__LINE__, MAP "      sdb: { volume_type: \"gp 3\" }\n",
		"t.yaml:10:27: error: workers.bot1.block_device_map.sdb.volume_type: "
		"expected a type of volumes, such as gp3"},
	{__LINE__, MAP "      sdb: { volume_type: io2, size: 5 }\n",
		"t.yaml:10:14: error: workers.bot1.block_device_map.sdb.volume_type: io2 "
		"needs iops beside it"},
	{__LINE__, MAP "      - { DeviceName: sdb, Ebs: { VolumeType: io1 } }\n",
		"t.yaml:10:35: error: workers.bot1.block_device_map.sdb.VolumeType: io1 "
		"needs Iops beside it"},
	{__LINE__, MAP "      sdb: { volume_type: gp2, iops: 5 }\n",
		"t.yaml:10:32: error: workers.bot1.block_device_map.sdb.iops: a volume of "
		"type gp2 has none to set"},
	{__LINE__,
		MAP "      - DeviceName: sdb\n"
		    "        Ebs: { VolumeType: gp2, Throughput: 200 }\n",
		"t.yaml:11:33: error: workers.bot1.block_device_map.sdb.Throughput: only of "
		"type gp3, not of gp2"},
	{__LINE__, MAP "      - { DeviceName: sdb, Ebs: { KmsKeyId: alias/x } }\n",
		"t.yaml:10:35: error: workers.bot1.block_device_map.sdb.KmsKeyId: needs "
		"Encrypted: true beside it"},
	{__LINE__,
		MAP
		"      - { DeviceName: sdb, NoDevice: \"\", VirtualName: ephemeral0 }\n",
		"t.yaml:10:28: error: workers.bot1.block_device_map.sdb.NoDevice: takes the "
		"device away, so it stands alone"},
	{__LINE__,
		MAP
		"      - { DeviceName: sdb, VirtualName: ephemeral0, Ebs: { Iops: 1 } }\n",
		"t.yaml:10:28: error: workers.bot1.block_device_map.sdb.VirtualName: not "
		"together with Ebs"},
	{__LINE__, MAP "      - { DeviceName: sdb, VirtualName: disk }\n",
		"t.yaml:10:41: error: workers.bot1.block_device_map[0].VirtualName: expected "
		"a volume of the instance store, such as ephemeral0"},
	{__LINE__,
		MAP "      - { DeviceName: sdb, NoDevice: \"\" }\n"
		    "      - { DeviceName: sdb, NoDevice: \"\" }\n",
		"t.yaml:11:23: error: workers.bot1.block_device_map.sdb: there are two "
		"devices of this name"},
	{__LINE__, MAP "      - { DeviceName: sdb, Ebs: { OutpostArn: here } }\n",
		"t.yaml:10:47: error: workers.bot1.block_device_map[0].Ebs.OutpostArn: "
		"expected an ARN, such as arn:aws:..."},
	{__LINE__, MAP "      - { DeviceName: sdb, Ebs: { VolumeType: gp33 } }\n",
		"t.yaml:10:35: warning: workers.bot1.block_device_map.sdb.VolumeType: gp33 "
		"is none of the known types; did you mean 'gp3'?"},
	{__LINE__, MAP "      sdb: ~\n",
		"t.yaml:10:7: warning: workers.bot1.block_device_map.sdb: names no disk; EC2 "
		"wants Ebs, VirtualName or NoDevice"},
	{__LINE__, "    metadata_options: { HttpTokens: requird }\n",
		"t.yaml:9:37: error: workers.bot1.metadata_options.HttpTokens: expected one "
		"of optional, required; did you mean 'required'?"},
	{__LINE__, "    metadata_options: { HttpPutResponseHopLimit: 65 }\n",
		"t.yaml:9:50: error: workers.bot1.metadata_options.HttpPutResponseHopLimit: "
		"must be from 1 to 64"},
	{__LINE__,
		"    metadata_options: { HttpEndpoint: disabled }\n    user_data: x\n",
		"t.yaml:9:5: warning: workers.bot1.metadata_options: with HttpEndpoint: "
		"disabled the instance cannot read its user data"},
};

START_TEST(what_is_wrong)
{
	AUTO(free) char *text = worker_with(problems[_i].lines);
	AUTO(free) char *told = conf_told(text, "/nowhere", NULL);
	size_t len = strcspn(told, "\n");

	ck_assert_msg(strlen(problems[_i].told) == len &&
			strncmp(told, problems[_i].told, len) == 0,
		"line %d: %s", problems[_i].line, told);
}
END_TEST

/* The list that was loaded is the one that is looked at. */
START_TEST(a_map_that_is_there_twice)
{
	static const char lines[] = MAP
		"      sdb: ~\n" MAP
		"      - { DeviceName: sdb, Ebs: { KmsKeyId: a } }\n"
		"      - { DeviceName: sdc, Ebs: { KmsKeyId: a } }\n";
	AUTO(free) char *text = worker_with(lines);
	AUTO(free) char *told = conf_told(text, "/nowhere", NULL);

	ck_assert_msg(strstr(told, "t.yaml:11:5: error: block_device_map: this key") !=
				NULL &&
			strstr(told,
				"t.yaml:13:35: error: "
				"workers.bot1.block_device_map.sdc.KmsKeyId") != NULL,
		"%s", told);
}
END_TEST

START_TEST(there_is_an_end)
{
	AUTO(buf) struct buf lines = {.data = NULL};
	AUTO(free) char *text = NULL, *told = NULL;

	buf_puts(&lines, MAP);
	for (int i = 0; i < 129; i++)
		buf_printf(&lines, "      sd%d: { size: 1 }\n", i);
	text = worker_with(buf_str(&lines));
	told = conf_told(text, "/nowhere", NULL);
	ck_assert_msg(strstr(told, "block_device_map: 129 devices; at most 128") !=
			NULL,
		"%s", told);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("conf_device");
	TCase *tc = tcase_create("device");

	tcase_add_loop_test(tc, what_ec2_gets, 0, (int)COUNT_OF(requests));
	tcase_add_loop_test(tc, what_is_wrong, 0, (int)COUNT_OF(problems));
	tcase_add_test(tc, a_map_that_is_there_twice);
	tcase_add_test(tc, there_is_an_end);
	suite_add_tcase(s, tc);
	return s;
}
