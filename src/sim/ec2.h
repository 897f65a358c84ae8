/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the EC2 service share: the instance element, filters, a launch. */
#ifndef SIM_EC2_H
#define SIM_EC2_H

#include "instance.h"

#include <stdbool.h>

struct buf;
struct sim_bid;
struct sim_call;
struct sim_cloud;
struct sim_filter_row;
struct sim_prices;
struct sim_scenario;
struct sim_subnet;

#define SIM_OWNER_ID "123456789012"
#define SIM_ROOT_DEVICE "/dev/xvda"

/* EC2-WIRE.md 4.2: one <item>. */
void sim_ec2_instance_xml(const struct sim_instance *i, struct buf *out);
/* <name><code/><name/></name> */
void sim_ec2_state_xml(struct buf *out, const char *element, enum sim_state state);
/* "sir-..." of a spot instance. Returns text. */
const char *sim_ec2_request_id(const struct sim_instance *i,
	char text[static SIM_ID_SIZE]);
/* One <item> of a spot request. */
void sim_ec2_bid_xml(const struct sim_bid *bid, struct buf *out);
/* DNS names from addresses; NULL for an empty one. Return text. */
const char *sim_ec2_public_dns(const struct sim_instance *i, char text[static 160]);
const char *sim_ec2_private_dns(const struct sim_instance *i, char text[static 160]);
/* Its one network interface, known by the instance's own digits. Returns text. */
const char *sim_ec2_interface(const struct sim_instance *i,
	char text[static SIM_ID_SIZE]);
/* The text of the last transition with its time, empty if there was none. Returns text. */
const char *sim_ec2_reason(const struct sim_instance *i, char text[static 160]);
const char *sim_ec2_architecture(const char *instance_type);

/* Filters of DescribeInstances and of DescribeInstanceStatus; end with a NULL name. */
extern const struct sim_filter_row *const sim_ec2_instance_filters;
extern const struct sim_filter_row *const sim_ec2_status_filters;

/* A list InstanceId.N as instances. */
struct sim_selection {
	struct sim_instance **items; /* owned array of borrowed */
	size_t count;
};

/* By its id; NULL and the error if it is malformed or not found. */
struct sim_instance *sim_ec2_find_instance(struct sim_call *call, const char *id);

/*
 * All of InstanceId.N, each once: malformed or not found is an error that names them.
 */
int sim_ec2_select(struct sim_call *call, struct sim_selection *ret_selection);
void sim_ec2_selection_fini(struct sim_selection *s);

/* RunInstances: all of a launch from the parameters. */
int sim_ec2_parse_launch(struct sim_call *call, struct sim_launch *launch);
/*
 * RunInstances: fills the groups, tags and disks of a launch from the parameters.
 */
int sim_ec2_parse_tags(struct sim_call *call, struct sim_launch *launch);
int sim_ec2_parse_network(struct sim_call *call, struct sim_launch *launch);
int sim_ec2_parse_disks(struct sim_call *call, struct sim_launch *launch);
/* The groups of a launch whose VPC is known; interface: those of its network interface. */
int sim_ec2_parse_groups(struct sim_call *call, struct sim_launch *launch,
	bool interface);
/*
 * Whether image, type, key pair and profile of a launch are there and fit; fills its
 * architecture.
 */
int sim_ec2_check_launch(struct sim_call *call, struct sim_launch *launch);
int sim_ec2_check_key_pair(struct sim_call *call, const char *name);
/* Well-formed and there. */
int sim_ec2_check_subnet(struct sim_call *call, const char *id);
/* Of a subnet that says how many it has. */
int64_t sim_ec2_free_addresses(const struct sim_call *call,
	const struct sim_subnet *subnet);
/* Fails as a call into a zone that is out does. */
int sim_ec2_impaired(struct sim_call *call, const char *zone);
/* Finds room for as many as are asked for, in another zone too if none was named. */
int sim_ec2_place(struct sim_call *call, struct sim_launch *launch, size_t *ret_count);
/* Interrupts the spot instances whose bid is below the price of now. */
void sim_ec2_outbid(struct sim_cloud *cloud, const struct sim_scenario *scenario,
	const struct sim_prices *prices);
/* The tags of TagSpecification.n. */
int sim_ec2_parse_tag_list(struct sim_call *call, size_t n, struct strmap *tags);
/* Checks one tag and puts it: the limits of keys, values and numbers. */
int sim_ec2_put_tag(struct sim_call *call, struct strmap *tags, const char *key,
	const char *value);

static inline void
auto_sim_selection(struct sim_selection *s)
{
	sim_ec2_selection_fini(s);
}

#endif
