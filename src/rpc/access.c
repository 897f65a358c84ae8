/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pid is never looked at: it may be somebody else's by now. What counts is what the
 * kernel noted at connect().
 */
#include "rpc/access.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "sys/account.h"
#include "sys/sock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define OVERFLOW_UID 65534u
#define ALL_UIDS UINT32_C(4294967295)

struct ids {
	unsigned *items; /* owned */
	size_t count;
};

struct access {
	struct ids users[RPC_ROLE_COUNT], groups[RPC_ROLE_COUNT];
	uid_t self;
	bool partial;
};

static void
ids_add(struct ids *ids, unsigned id)
{
	ids->items = xreallocarray(ids->items, ids->count + 1, sizeof(*ids->items));
	ids->items[ids->count++] = id;
}

static bool
ids_have(const struct ids *ids, unsigned id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (ids->items[i] == id)
			return true;
	return false;
}

static void
add_name(struct access *a, enum rpc_role role, const char *name)
{
	bool is_group = name[0] == '@';
	uid_t uid;
	gid_t gid;

	if (!is_group && account_user(name, &uid))
		ids_add(&a->users[role], uid);
	else if (is_group && account_group(name + 1, &gid))
		ids_add(&a->groups[role], gid);
	else
		log_warning(NULL, "access.%s: %s: there is no such %s",
			rpc_role_name(role), name, is_group ? "group" : "user");
}

static void
add_names(struct access *a, enum rpc_role role, const struct strings *names)
{
	for (size_t i = 0; i < names->count; i++)
		add_name(a, role, names->items[i]);
}

bool
access_map_is_partial(const char *uid_map)
{
	uint32_t inside, outside, count;

	/* analyze: cert-err34-c: the kernel writes 32 bits */
	return sscanf(uid_map, "%" SCNu32 " %" SCNu32 " %" SCNu32, &inside, &outside,
		       &count) != 3 ||
		inside != 0 || count != ALL_UIDS;
}

/* Without /proc nothing is known of a namespace, and nobody is shut out. */
static bool
own_map_is_partial(void)
{
	char text[256];
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	(void)close(fd); /* it was only read */
	if (len <= 0)
		return false;
	text[len] = '\0';
	return access_map_is_partial(text);
}

struct access *
access_new(const struct conf_access *conf, uid_t self)
{
	struct access *a = NEW(struct access);

	a->self = self;
	a->partial = own_map_is_partial();
	add_names(a, RPC_ADMIN, &conf->admin);
	add_names(a, RPC_OPERATE, &conf->operate);
	add_names(a, RPC_OBSERVE, &conf->observe);
	return a;
}

void
access_free(struct access *a)
{
	if (a == NULL)
		return;
	for (int role = 0; role < RPC_ROLE_COUNT; role++) {
		free(a->users[role].items);
		free(a->groups[role].items);
	}
	free(a);
}

void
access_set_partial(struct access *a, bool partial)
{
	a->partial = partial;
}

static bool
has_role(const struct access *a, enum rpc_role role, const struct sock_peer *peer)
{
	if (ids_have(&a->users[role], peer->uid) ||
		ids_have(&a->groups[role], peer->gid))
		return true;
	for (size_t i = 0; i < peer->group_count; i++)
		if (ids_have(&a->groups[role], peer->groups[i]))
			return true;
	return false;
}

enum rpc_role
access_role(const struct access *a, const struct sock_peer *peer)
{
	if (a->partial && peer->uid == OVERFLOW_UID)
		return RPC_NOBODY;
	if (peer->uid == 0 || peer->uid == a->self)
		return RPC_ADMIN;
	for (int role = RPC_ADMIN; role > RPC_NOBODY; role--)
		if (has_role(a, (enum rpc_role)role, peer))
			return (enum rpc_role)role;
	return RPC_NOBODY;
}
