/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a worker goes to EC2 member by member: its disks and its metadata service. The
 * rows of both are named as on the wire, so whoever writes the request needs no list of
 * its own.
 */
#ifndef CONF_DEVICE_H
#define CONF_DEVICE_H

#include "base/field.h"

struct conf_ebs {
	int delete_on_termination; /* 0, 1; -1 only where nothing else is given either */
	int64_t iops;
	char *snapshot_id;
	int64_t volume_size; /* GiB */
	char *volume_type;
	char *kms_key_id;
	int64_t throughput; /* MiB/s */
	char *outpost_arn;
	char *availability_zone;
	char *availability_zone_id;
	int encrypted;                      /* 0, 1, -1 */
	int64_t volume_initialization_rate; /* MiB/s */
	int64_t ebs_card_index;
};

/* An element of block_device_map, in whichever of the two spellings it was written. */
struct conf_device {
	char *device_name;
	char *virtual_name;
	char *no_device; /* "" counts */
	struct conf_ebs ebs;
};

/* An element of volumes: one that is there already. */
struct conf_volume {
	char *volume_id;
	char *device;
};

/* Indexes into the choices of those that are on or off. */
enum conf_switch { CONF_SWITCH_OFF, CONF_SWITCH_ON };

struct conf_metadata {
	int http_tokens; /* enum: index into the choices of its row, as all of these */
	int64_t http_put_response_hop_limit;
	int http_endpoint;
	int http_protocol_ipv6;
	int instance_metadata_tags;
};

/* As the EC2 API spells them; of struct conf_device and struct conf_metadata. */
extern const struct fields conf_device_fields, conf_metadata_fields, conf_volume_fields;
/* The older spelling of a device, behind its name; of struct conf_device too. */
extern const struct fields conf_old_device_fields;

/* Whether any member of Ebs is given. */
bool conf_device_has_ebs(const struct conf_device *device);
/* Gives each disk that says nothing of it DeleteOnTermination. */
void conf_device_finish(struct field_list *devices);

#endif
