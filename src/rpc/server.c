/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Under socket activation systemd made the socket and owns its path; what the configuration
 * says about it is then only compared.
 */
#include "rpc/server.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/daemon.h"
#include "rpc/access.h"
#include "rpc/bind.h"
#include "rpc/rpc.h"
#include "rpc/spec.h"
#include "sys/account.h"
#include "sys/notify.h"
#include "sys/page.h"
#include "sys/process.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * Descriptors that no client gets: of the ledger, the loop and the socket, and of requests to
 * EC2, so that what is condemned is ended whoever connects; and those of the pages, which
 * while they move to another place listen at both.
 */
#define OWN_DESCRIPTORS (32u + PAGE_CONNECTIONS_MAX + 2u)
#define CONNS_MIN 4u

struct rpc_server {
	struct daemon *daemon; /* borrowed, outlives us */
	struct rpc_service service;
	struct rpc_limits limits;
	struct rpc *rpc; /* owned */
};

static void
compare_mode(const char *path, const struct conf *conf)
{
	struct stat st;
	gid_t gid;

	if (stat(path, &st) != 0)
		return;
	if ((st.st_mode & 0777) != conf->socket_mode)
		log_warning(NULL,
			"%s has the mode %04o of its unit, not socket_mode %04o", path,
			st.st_mode & 0777u, conf->socket_mode);
	if (conf->socket_group != NULL &&
		(!account_group(conf->socket_group, &gid) || gid != st.st_gid))
		log_warning(NULL, "%s has the group of its unit, not socket_group %s",
			path, conf->socket_group);
}

static void
compare_activated(int fd, const struct conf *conf)
{
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t size = sizeof(address) - 1;

	if (getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
		address.sun_family != AF_UNIX || address.sun_path[0] != '/')
		return;
	if (strcmp(address.sun_path, conf->socket) != 0)
		log_warning(NULL,
			"listening on %s of the socket unit, not on socket %s",
			address.sun_path, conf->socket);
	compare_mode(address.sun_path, conf);
}

static void
on_reloaded(void *arg)
{
	struct rpc_server *s = arg;

	rpc_set_access(s->rpc, access_new(&s->daemon->conf->access, getuid()));
}

static unsigned
conns_within(size_t descriptors)
{
	size_t rest = descriptors > OWN_DESCRIPTORS ? descriptors - OWN_DESCRIPTORS : 0;

	if (rest < CONNS_MIN)
		return CONNS_MIN;
	return rest < rpc_limits.conns ? (unsigned)rest : rpc_limits.conns;
}

static int
listen_somewhere(struct rpc_server *s, struct err *err)
{
	const struct conf *conf = s->daemon->conf;
	int fd = notify_listen_fd();

	if (fd >= 0) {
		compare_activated(fd, conf);
		rpc_listen_fd(s->rpc, fd);
		return 0;
	}
	if (rpc_listen(s->rpc, conf->socket, conf->socket_mode, conf->socket_group,
		    err) == 0)
		return 0;
	err->code = ERR_CONFIG;
	return -1;
}

struct rpc_server *
rpc_server_new(struct daemon *d, struct err *err)
{
	struct rpc_server *s = NEW(struct rpc_server);

	s->daemon = d;
	s->service = (struct rpc_service){
		.specs = rpc_specs,
		.calls = rpc_calls,
		.count = RPC_METHOD_COUNT,
		.context = d,
		.unwritable = rpc_unwritable,
	};
	s->limits = rpc_limits;
	s->limits.conns = conns_within(process_descriptors());
	s->rpc = rpc_new(d->loop, &s->service, &s->limits,
		access_new(&d->conf->access, getuid()));
	if (listen_somewhere(s, err) != 0) {
		rpc_server_free(s);
		return NULL;
	}
	d->on_reloaded = on_reloaded;
	d->on_reloaded_arg = s;
	return s;
}

void
rpc_server_free(struct rpc_server *s)
{
	if (s == NULL)
		return;
	s->daemon->on_reloaded = NULL;
	rpc_free(s->rpc);
	free(s);
}
