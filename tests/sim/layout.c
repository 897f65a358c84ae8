/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers of the simulated lives, each row with something that can go wrong in its own
 * way, and what their cloud has.
 */
#include "layout.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "fake_cloud.h"

#include <stdio.h>

static const char conf_text[] =
	"pool: sim\n"
	"state_dir: /nonexistent\n"
	"aws: { region: us-east-1 }\n"
	"worker_defaults: { keypair_name: k, instance_type: m5.large }\n"
	"workers:\n"
	"  fixed-[1-3]: { ami: " LAYOUT_GIVEN
	", security_name: s, password: secret, user_data: 'w={{ worker }} p={{ password }}', missing_timeout: 5m,\n"
	"                 build_wait_timeout: 2m }\n"
	"  made-[1-3]: { ami: " LAYOUT_GIVEN
	", security_name: s, password: generated, user_data: 'p={{ password }} g={{ generation }}',\n"
	"                missing_timeout: 3m, pending_timeout: 1m, build_wait_timeout: -1 }\n"
	"  spot-[1-2]: { ami: " LAYOUT_GIVEN
	", password: generated, security_name: s, placement: a, spot_instance: true,\n"
	"                instance_type: [m5.large, c5.large], retry: 3, retry_price_adjustment: 1.1,\n"
	"                on_demand_fallback: true, missing_timeout: 5m, build_wait_timeout: 2m }\n"
	"  net-[1-2]: { ami: " LAYOUT_GIVEN
	", password: secret, subnet_id: [subnet-1, subnet-2], instance_type: [m5.large, g5.xlarge],\n"
	"               missing_timeout: 5m, build_wait_timeout: 2m }\n"
	"  kept-1: { ami: " LAYOUT_GIVEN
	", security_name: s, password: generated, elastic_ip: 203.0.113.7,\n"
	"            volumes: [ [ vol-0000000a, sdh ], [ vol-0000000b, sdi ] ],\n"
	"            missing_timeout: 5m, build_wait_timeout: 2m }\n"
	"  kept-2: { ami: " LAYOUT_GIVEN
	", security_name: s, password: secret, volumes: [ [ vol-0000000c, sdh ] ],\n"
	"            missing_timeout: 5m, build_wait_timeout: 2m }\n"
	"  found-[1-2]: { valid_ami_owners: 12, valid_ami_location_regex: '\\d+/ci-(\\d+)',\n"
	"                 security_name: s, password: secret, missing_timeout: 5m, build_wait_timeout: 2m }\n"
	"  named-1: { ami: 'resolve:ssm:/ci/image', security_name: s, password: generated,\n"
	"             missing_timeout: 5m, build_wait_timeout: 2m }\n";

void
layout_fill(struct fake_cloud *cloud)
{
	static const char *const volumes[] = {"vol-0000000a", "vol-0000000b",
		"vol-0000000c"};

	(void)fake_add_address(cloud, "203.0.113.7");
	fake_add_image(cloud, "ami-00000009", "000000000012/ci-9", "available");
	fake_add_image(cloud, LAYOUT_CHOSEN, "000000000012/ci-10", "available");
	cloud->parameter = LAYOUT_CHOSEN;
	for (size_t n = 0; n < COUNT_OF(volumes); n++)
		fake_add_volume(cloud, volumes[n], "us-east-1a");
	fake_add_subnet(cloud, "subnet-1", "us-east-1a");
	fake_add_subnet(cloud, "subnet-2", "us-east-1b");
	fake_add_price(cloud, "m5.large", "us-east-1a", "0.06");
}

struct conf *
layout_conf(void)
{
	struct conf_problems *problems = conf_problems_new();
	struct conf *conf = conf_parse(conf_text, sizeof(conf_text) - 1, "sim.yaml",
		"/", problems);
	AUTO(buf) struct buf text = {0};

	if (conf == NULL) {
		conf_problems_print(problems, &text);
		(void)fputs(buf_str(&text), stderr);
	}
	conf_problems_free(problems);
	return conf;
}
