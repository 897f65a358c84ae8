/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What EC2 has besides instances, as plain structs: images, prices, subnets, volumes,
 * addresses. Lists are read as strictly as instances are (reply.h): all strings are owned;
 * what EC2 left out, or left empty, is NULL or 0.
 */
#ifndef EC2_QUERY_H
#define EC2_QUERY_H

#include <stddef.h>
#include <stdint.h>

struct item_shape;

struct ec2_image {
	char *id;       /* "ami-" and lower-case hex, never NULL */
	char *location; /* "OWNER/NAME" */
	char *name, *state /* "available" */, *owner /* account id */, *architecture;
	int64_t created; /* wall ms */
};

struct ec2_images {
	struct ec2_image *items; /* owned */
	size_t count;
};

struct ec2_price {
	char *type, *zone; /* never NULL */
	char *price;       /* digits and at most one point: "0.0600" */
	int64_t at;        /* wall ms */
};

struct ec2_prices {
	struct ec2_price *items; /* owned */
	size_t count;
};

struct ec2_subnet {
	char *id;   /* "subnet-" and lower-case hex */
	char *zone; /* never NULL */
	char *vpc, *state;
};

struct ec2_subnets {
	struct ec2_subnet *items; /* owned */
	size_t count;
};

/* More attachments of one volume than this are refused; EC2 has at most 16. */
#define EC2_ATTACHMENTS_MAX 64u

struct ec2_attachment {
	char *instance; /* well-formed; NULL: what has it is no instance */
	char *device;
	char *state; /* "attaching", "attached", "detaching", "detached", "busy" */
};

struct ec2_volume {
	char *id;     /* "vol-" and lower-case hex */
	char *zone;   /* never NULL */
	char *state;  /* "creating", "available", "in-use", ...; never NULL */
	int64_t size; /* GiB */
	struct ec2_attachment *attachments; /* owned */
	size_t attachment_count;
};

struct ec2_volumes {
	struct ec2_volume *items; /* owned */
	size_t count;
};

struct ec2_address {
	char *public_ip;   /* never NULL */
	char *allocation;  /* "eipalloc-" and hex */
	char *association; /* NULL: it is free */
	char *instance;    /* that has it; NULL also while an interface has it */
	char *interface;   /* that has it */
};

struct ec2_addresses {
	struct ec2_address *items; /* owned */
	size_t count;
};

/* How the answers of the Describe actions are read: for items_parse. */
extern const struct item_shape ec2_images_shape, ec2_prices_shape, ec2_subnets_shape,
	ec2_volumes_shape, ec2_addresses_shape;

void ec2_images_fini(struct ec2_images *list);
void ec2_prices_fini(struct ec2_prices *list);
void ec2_subnets_fini(struct ec2_subnets *list);
void ec2_volumes_fini(struct ec2_volumes *list);
void ec2_addresses_fini(struct ec2_addresses *list);

#endif
