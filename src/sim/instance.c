/* SPDX-License-Identifier: Apache-2.0 */
/* States by name and code, bills, addresses, consoles; and how each thing is freed. */
#include "sim/instance.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/address.h"

#include <stdio.h>
#include <string.h>

#define CONSOLE_MAX 65536 /* as EC2 keeps */
#define RUN_MIN_S 60      /* the least that is charged for a run */

const char *const sim_state_names[] = {
	[SIM_PENDING] = "pending",
	[SIM_RUNNING] = "running",
	[SIM_SHUTTING_DOWN] = "shutting-down",
	[SIM_TERMINATED] = "terminated",
	[SIM_STOPPING] = "stopping",
	[SIM_STOPPED] = "stopped",
	[SIM_STATE_COUNT] = NULL,
};

/* clang-format off */
static const struct {
	int code;
	bool live;
} states[SIM_STATE_COUNT] = {
	[SIM_PENDING]       = {0, true},
	[SIM_RUNNING]       = {16, true},
	[SIM_SHUTTING_DOWN] = {32, false},
	[SIM_TERMINATED]    = {48, false},
	[SIM_STOPPING]      = {64, true},
	[SIM_STOPPED]       = {80, true},
};
/* clang-format on */

const char *
sim_state_name(enum sim_state state)
{
	return sim_state_names[state];
}

int
sim_state_code(enum sim_state state)
{
	return states[state].code;
}

bool
sim_state_is_live(enum sim_state state)
{
	return states[state].live;
}

int
sim_state_find(const char *name, enum sim_state *ret_state)
{
	for (int s = 0; s < SIM_STATE_COUNT; s++) {
		if (strcmp(sim_state_names[s], name) == 0) {
			*ret_state = (enum sim_state)s;
			return 0;
		}
	}
	return -1;
}

static int64_t
run_ms(const struct sim_instance *i, int64_t now_ms)
{
	return i->state == SIM_RUNNING ? now_ms - i->running_ms : 0;
}

int64_t
sim_instance_billed_ms(const struct sim_instance *i, int64_t now_ms)
{
	return i->billed_ms + run_ms(i, now_ms);
}

int64_t
sim_instance_charged_s(const struct sim_instance *i, int64_t now_ms)
{
	int64_t run_s = (run_ms(i, now_ms) + 999) / 1000;

	if (i->state != SIM_RUNNING)
		return i->charged_s;
	return i->charged_s + (run_s < RUN_MIN_S ? RUN_MIN_S : run_s);
}

void
sim_instance_note(struct sim_instance *i, int64_t now_ms, int64_t wall_ms)
{
	size_t n = i->change_count;

	/* Room for four, and twice as many whenever that is full. */
	if (n == 0 || (n >= 4 && (n & (n - 1)) == 0))
		i->changes = xreallocarray(i->changes, n == 0 ? 4 : 2 * n,
			sizeof(*i->changes));
	i->changes[n] = (struct sim_change){i->state, now_ms, wall_ms};
	i->change_count++;
}

char *
sim_instance_private_ip(const struct sim_instance *i, char text[static SIM_ID_SIZE])
{
	text[0] = '\0';
	if (i->no_address)
		return text;
	(void)snprintf(text, SIM_ID_SIZE, "10.%u.%u.%u", (unsigned)(i->seq >> 16) & 255,
		(unsigned)(i->seq >> 8) & 255, (unsigned)i->seq & 255);
	return text;
}

char *
sim_instance_public_ip(const struct sim_instance *i, char text[static SIM_ID_SIZE])
{
	text[0] = '\0';
	if (i->no_address)
		return text;
	/* 198.18.0.0/15 is for benchmarks (RFC 2544): nobody's real address. */
	if (i->address != NULL)
		(void)snprintf(text, SIM_ID_SIZE, "%s", i->address->public_ip);
	else if (i->state == SIM_RUNNING)
		(void)snprintf(text, SIM_ID_SIZE, "198.%u.%u.%u",
			18 + ((unsigned)(i->seq >> 16) & 1),
			(unsigned)(i->seq >> 8) & 255, (unsigned)i->seq & 255);
	return text;
}

void
sim_instance_set_reason(struct sim_instance *i, const char *code, const char *message)
{
	free(i->reason_owned);
	i->reason_owned = xasprintf("%s %s", code, message);
	i->reason_owned[strlen(code)] = '\0';
	i->reason.code = i->reason_owned;
	i->reason.message = i->reason.text = i->reason_owned + strlen(code) + 1;
}

void
sim_instance_print(struct sim_instance *i, const char *data, size_t len)
{
	if (len == 0)
		return;
	if (i->console == NULL)
		i->console = NEW(struct buf);
	i->console_wall_ms = clock_wall_ms();
	buf_add(i->console, data, len);
	/* Dropped by halves, so that a chatty machine costs a copy now and then. */
	if (i->console->len > 2 * CONSOLE_MAX)
		buf_drop(i->console, i->console->len - CONSOLE_MAX);
}

size_t
sim_instance_console_len(const struct sim_instance *i)
{
	if (i->console == NULL)
		return 0;
	return i->console->len < CONSOLE_MAX ? i->console->len : CONSOLE_MAX;
}

static void
free_buf(struct buf *b)
{
	if (b == NULL)
		return;
	buf_wipe_fini(b);
	free(b);
}

void
sim_launch_free(struct sim_launch *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->disk_count; i++) {
		free(l->disks[i].device);
		free(l->disks[i].type);
	}
	free(l->disks);
	free(l->token_key);
	free(l->token);
	free(l->region);
	free(l->zone);
	free(l->image);
	free(l->architecture);
	free(l->type);
	free(l->key_name);
	free(l->subnet);
	free(l->vpc);
	free(l->profile);
	free(l->max_price);
	free(l->tenancy);
	free(l->http_tokens);
	free(l->http_endpoint);
	free(l->http_hops);
	free(l->instance_tags);
	strmap_fini(&l->groups);
	strmap_fini(&l->tags);
	strmap_fini(&l->volume_tags);
	strmap_fini(&l->request_tags);
	free_buf(l->user_data);
	free(l->instances);
	free(l);
}

void
sim_instance_free(struct sim_instance *i)
{
	if (i == NULL)
		return;
	strmap_fini(&i->tags);
	free_buf(i->console);
	free(i->changes);
	free(i->fails_with);
	free(i->reason_owned);
	free(i);
}
