/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides what a turn is. libevent only says which descriptors and signals are ready;
 * timers are our own (timers.c), for libevent's clock stands still in a suspend, and one timerfd
 * on CLOCK_BOOTTIME wakes us for the earliest.
 */
#include "sys/loop.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/timers.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define ROUNDS_A_TURN 100u
#define COMMIT_RETRY_MS 1000

struct deferred {
	loop_fn *free_fn;
	void *ptr;
};

struct loop {
	struct event_base *base;
	int timer_fd;
	struct event *timer_event;
	int64_t wake_ms; /* what timer_fd is set to; INT64_MAX: nothing */

	struct timers timers;

	struct loop_call pokes, outbox, anyway; /* heads of rings */
	loop_commit_fn *commit;
	void *commit_arg;
	bool commit_failed; /* the last one, so the outbox does not hurry us */
	struct loop_timer commit_retry;

	struct deferred *deferred;
	size_t deferred_count, deferred_cap;
	struct loop_stats stats;
	int64_t woke_ms; /* when the wait of this turn ended; 0: it has not yet */
	bool stop;
	bool in_turn;
};

struct loop_fd {
	struct event *event;
	struct loop *loop; /* borrowed, outlives us */
	loop_fd_fn *fn;
	void *arg;
	unsigned want;
};

struct loop_signal {
	struct event *event;
	loop_fn *fn;
	void *arg;
};

static void
on_library_log(int severity, const char *text)
{
	if (severity == EVENT_LOG_WARN || severity == EVENT_LOG_ERR)
		log_warning("libevent", "%s", text);
	else
		log_debug("libevent", "%s", text);
}

static void
on_library_fatal(int code)
{
	log_error("libevent", "fatal error %d", code);
	abort();
}

static struct event_base *
base_new(void)
{
	struct event_config *config;
	struct event_base *base;

	event_set_mem_functions(xmalloc, xrealloc, free);
	event_set_log_callback(on_library_log);
	event_set_fatal_callback(on_library_fatal);
	config = event_config_new();
	event_config_set_flag(config,
		EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static void
ring_init(struct loop_call *head)
{
	head->next = head->prev = head;
}

static bool
ring_is_empty(const struct loop_call *head)
{
	return head->next == head;
}

/* Moves all of from into the empty ring `to`. */
static void
ring_move(struct loop_call *to, struct loop_call *from)
{
	ring_init(to);
	if (ring_is_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	ring_init(from);
}

static void
call_clear(struct loop_call *call)
{
	if (!call->queued)
		return;
	call->prev->next = call->next;
	call->next->prev = call->prev;
	call->queued = false;
}

static void
call_queue(struct loop_call *call, struct loop_call *head)
{
	if (call->queued)
		return;
	call->next = head;
	call->prev = head->prev;
	head->prev->next = call;
	head->prev = call;
	call->queued = true;
}

/* Runs what is in the ring now; what is queued meanwhile stays for the next round. */
static void
ring_run(struct loop_call *head)
{
	struct loop_call round;

	ring_move(&round, head);
	while (!ring_is_empty(&round)) {
		struct loop_call *call = round.next;

		call_clear(call);
		call->fn(call->arg);
	}
}

static void
call_init(struct loop_call *call, struct loop *loop, loop_fn *fn, void *arg)
{
	assert(!call->queued);
	*call = (struct loop_call){.loop = loop, .fn = fn, .arg = arg};
}

void
loop_poke_init(struct loop_poke *p, struct loop *loop, loop_fn *fn, void *arg)
{
	call_init(&p->call, loop, fn, arg);
}

void
loop_poke(struct loop_poke *p)
{
	call_queue(&p->call, &p->call.loop->pokes);
}

void
loop_poke_clear(struct loop_poke *p)
{
	call_clear(&p->call);
}

void
loop_outbox_init(struct loop_outbox *o, struct loop *loop, loop_fn *fn, void *arg)
{
	call_init(&o->call, loop, fn, arg);
}

void
loop_outbox_put(struct loop_outbox *o)
{
	call_queue(&o->call, &o->call.loop->outbox);
}

void
loop_outbox_put_anyway(struct loop_outbox *o)
{
	call_queue(&o->call, &o->call.loop->anyway);
}

void
loop_outbox_clear(struct loop_outbox *o)
{
	call_clear(&o->call);
}

/* Sets the timerfd to the earliest timer, if it is not so already. */
static void
set_wake(struct loop *loop)
{
	int64_t due_ms = loop_next_due_ms(loop);
	struct itimerspec spec = {0};

	if (due_ms == loop->wake_ms)
		return;
	loop->wake_ms = due_ms;
	if (due_ms != INT64_MAX) {
		spec.it_value.tv_sec = (time_t)(due_ms / 1000);
		spec.it_value.tv_nsec = (long)(due_ms % 1000) * 1000000;
	}
	if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0) {
		log_error("loop", "timerfd_settime: errno %d", errno);
		abort();
	}
}

/* The first thing of a turn that is not waiting. */
static void
wake(struct loop *loop)
{
	if (loop->woke_ms == 0)
		loop->woke_ms = clock_ms();
}

static void
end_turn(struct loop *loop)
{
	int64_t took = clock_ms() - loop->woke_ms;

	loop->stats.turns++;
	loop->stats.busy_ms += took;
	if (took > loop->stats.longest_ms)
		loop->stats.longest_ms = took;
	loop->woke_ms = 0;
}

const struct loop_stats *
loop_stats(const struct loop *loop)
{
	return &loop->stats;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t expirations;

	(void)what;
	wake(loop);
	/* Only to make it quiet again: the heap knows what is due. */
	if (read(fd, &expirations, sizeof(expirations)) > 0)
		loop->wake_ms = INT64_MAX;
}

static bool
has_work(const struct loop *loop)
{
	return loop->stop || !ring_is_empty(&loop->pokes) ||
		!ring_is_empty(&loop->anyway) ||
		(!ring_is_empty(&loop->outbox) && !loop->commit_failed) ||
		loop->deferred_count > 0 || loop_next_due_ms(loop) <= clock_ms();
}

static void
poll_ready(struct loop *loop, bool wait)
{
	int flags = EVLOOP_ONCE;

	if (!wait || clock_is_fake() || has_work(loop))
		flags |= EVLOOP_NONBLOCK;
	else
		set_wake(loop);
	if (event_base_loop(loop->base, flags) < 0)
		log_warning("loop", "the poll failed: errno %d", errno);
}

static void
run_pokes(struct loop *loop)
{
	for (unsigned i = 0; i < ROUNDS_A_TURN && !ring_is_empty(&loop->pokes); i++)
		ring_run(&loop->pokes);
}

/* Only so that a turn comes; the commit is part of each. */
static void
on_commit_retry(void *arg)
{
	(void)arg;
}

static void
commit_turn(struct loop *loop)
{
	loop->commit_failed = loop->commit != NULL &&
		loop->commit(loop->commit_arg) != 0;
	if (!loop->commit_failed) {
		loop_timer_clear(&loop->commit_retry);
		ring_run(&loop->outbox);
	} else if (!ring_is_empty(&loop->outbox) &&
		!loop_timer_armed(&loop->commit_retry)) {
		loop_timer_in(&loop->commit_retry, COMMIT_RETRY_MS);
	}
	ring_run(&loop->anyway);
}

static void
run_deferred(struct loop *loop)
{
	/* One free may defer another, so the array may move. */
	for (size_t i = 0; i < loop->deferred_count; i++) {
		struct deferred d = loop->deferred[i];

		d.free_fn(d.ptr);
	}
	loop->deferred_count = 0;
}

void
loop_turn(struct loop *loop, bool wait)
{
	uint64_t first_new = loop->timers.next_order;

	assert(!loop->in_turn);
	loop->in_turn = true;
	poll_ready(loop, wait);
	wake(loop);
	timers_run(&loop->timers, first_new);
	run_pokes(loop);
	commit_turn(loop);
	run_deferred(loop);
	end_turn(loop);
	loop->in_turn = false;
}

void
loop_run(struct loop *loop)
{
	while (!loop->stop)
		loop_turn(loop, true);
	loop->stop = false;
}

void
loop_stop(struct loop *loop)
{
	loop->stop = true;
}

bool
loop_is_stopping(const struct loop *loop)
{
	return loop->stop;
}

void
loop_set_commit(struct loop *loop, loop_commit_fn *fn, void *arg)
{
	loop->commit = fn;
	loop->commit_arg = arg;
}

void
loop_defer_free(struct loop *loop, loop_fn *free_fn, void *ptr)
{
	if (loop->deferred_count == loop->deferred_cap) {
		loop->deferred_cap = loop->deferred_cap == 0 ? 16
							     : loop->deferred_cap * 2;
		loop->deferred = xreallocarray(loop->deferred, loop->deferred_cap,
			sizeof(*loop->deferred));
	}
	loop->deferred[loop->deferred_count++] = (struct deferred){.free_fn = free_fn,
		.ptr = ptr};
}

static int
loop_open(struct loop *loop, struct err *err)
{
	loop->base = base_new();
	if (loop->base == NULL)
		return err_set(err, ERR_IO, "cannot make an event loop");
	loop->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0)
		return err_set_errno(err, ERR_IO, errno, "timerfd_create");
	loop->timer_event = event_new(loop->base, loop->timer_fd, EV_READ | EV_PERSIST,
		on_wake, loop);
	if (loop->timer_event == NULL || event_add(loop->timer_event, NULL) != 0)
		return err_set(err, ERR_IO, "cannot watch the timer");
	return 0;
}

struct loop *
loop_new(struct err *err)
{
	struct loop *loop = NEW(struct loop);

	loop->timer_fd = -1;
	loop->wake_ms = INT64_MAX;
	ring_init(&loop->pokes);
	ring_init(&loop->outbox);
	ring_init(&loop->anyway);
	loop_timer_init(&loop->commit_retry, loop, on_commit_retry, NULL);
	if (loop_open(loop, err) != 0) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	assert(!loop->in_turn);
	run_deferred(loop);
	if (loop->timer_event != NULL)
		event_free(loop->timer_event);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->base != NULL)
		event_base_free(loop->base);
	timers_fini(&loop->timers);
	free(loop->deferred);
	free(loop);
}

struct timers *
loop_timers(struct loop *loop)
{
	return &loop->timers;
}

int64_t
loop_next_due_ms(const struct loop *loop)
{
	return timers_next_due_ms(&loop->timers);
}

struct event_base *
loop_event_base(struct loop *loop)
{
	return loop->base;
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *f = arg;
	unsigned ready = 0;

	wake(f->loop);
	if (what & EV_READ)
		ready |= LOOP_READ;
	if (what & EV_WRITE)
		ready |= LOOP_WRITE;
	f->fn(f->arg, fd, ready);
}

/* Whoever is not watched is never heard again; no memory for it is what no memory is. */
static void
not_watched(int fd, int errnum)
{
	log_warning("loop", "cannot watch descriptor %d: errno %d", fd, errnum);
	if (errnum == ENOMEM || errnum == ENOSPC)
		abort();
}

static void
fd_arm(struct loop_fd *f, int fd, unsigned want)
{
	short events = EV_PERSIST;

	if (want & LOOP_READ)
		events |= EV_READ;
	if (want & LOOP_WRITE)
		events |= EV_WRITE;
	f->want = want;
	event_assign(f->event, f->loop->base, fd, events, on_ready, f);
	if (want != 0 && event_add(f->event, NULL) != 0)
		not_watched(fd, errno);
}

struct loop_fd *
loop_fd_new(struct loop *loop, int fd, unsigned want, loop_fd_fn *fn, void *arg)
{
	struct loop_fd *f = NEW(struct loop_fd);

	f->loop = loop;
	f->fn = fn;
	f->arg = arg;
	f->event = event_new(loop->base, fd, EV_PERSIST, on_ready, f);
	fd_arm(f, fd, want);
	return f;
}

void
loop_fd_want(struct loop_fd *f, unsigned want)
{
	if (want == f->want)
		return;
	event_del(f->event);
	fd_arm(f, event_get_fd(f->event), want);
}

void
loop_fd_free(struct loop_fd *f)
{
	if (f == NULL)
		return;
	event_free(f->event);
	free(f);
}

static void
on_signal(evutil_socket_t signum, short what, void *arg)
{
	struct loop_signal *s = arg;

	(void)signum;
	(void)what;
	s->fn(s->arg);
}

struct loop_signal *
loop_signal_new(struct loop *loop, int signum, loop_fn *fn, void *arg)
{
	struct loop_signal *s = NEW(struct loop_signal);

	s->fn = fn;
	s->arg = arg;
	s->event = evsignal_new(loop->base, signum, on_signal, s);
	if (s->event == NULL || event_add(s->event, NULL) != 0)
		log_warning("loop", "cannot watch signal %d: errno %d", signum, errno);
	return s;
}

void
loop_signal_free(struct loop_signal *s)
{
	if (s == NULL)
		return;
	if (s->event != NULL)
		event_free(s->event);
	free(s);
}
