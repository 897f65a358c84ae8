/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another time for a whole test: preloaded into every program of one, it makes all clocks
 * run `rate` times as fast, and waits that much shorter. How fast, since when, and how far
 * the clocks have been set is in the file that TEMPO names, which the test may write into
 * while the programs run. It knows of the ways in which ours learn the time and wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND INT64_C(1000000000)

/* The file; times in ns. */
struct tempo {
	int64_t rate;
	int64_t since;      /* when the wall clock was right */
	int64_t wall_ahead; /* what it has been set since */
	int64_t boot_ahead; /* what boottime has that monotonic has not: a suspend */
};

static const volatile struct tempo *tempo;

static _Noreturn void
give_up(const char *text, size_t len)
{
	(void)!write(2, text, len);
	abort();
}

/* The first to ask for the time may come before any constructor of ours. */
static const volatile struct tempo *
get_tempo(void)
{
	static const char text[] = "tempo: no file, or a bad one\n";
	const char *path = getenv("TEMPO");
	int fd;
	void *map;

	if (tempo != NULL)
		return tempo;
	fd = open(path != NULL ? path : "", O_RDONLY | O_CLOEXEC);
	map = mmap(NULL, sizeof(*tempo), PROT_READ, MAP_SHARED, fd, 0);
	if (fd < 0 || map == MAP_FAILED)
		give_up(text, sizeof(text) - 1);
	close(fd);
	tempo = map;
	if (tempo->rate < 1)
		give_up(text, sizeof(text) - 1);
	return tempo;
}

static int64_t
to_ns(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * NS_PER_SECOND + ts->tv_nsec;
}

static void
from_ns(int64_t ns, struct timespec *ret)
{
	ret->tv_sec = (time_t)(ns / NS_PER_SECOND);
	ret->tv_nsec = (long)(ns % NS_PER_SECOND);
}

static int64_t
divide_up(int64_t value, int64_t by)
{
	return value <= 0 ? value : (value - 1) / by + 1;
}

/* Processor time and what else there is stays as it is. */
static int64_t
hasten(clockid_t id, int64_t ns)
{
	const volatile struct tempo *t = get_tempo();

	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		return t->since + (ns - t->since) * t->rate + t->wall_ahead;
	case CLOCK_BOOTTIME: return ns * t->rate + t->boot_ahead;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW: return ns * t->rate;
	}
	return ns;
}

int
clock_gettime(clockid_t id, struct timespec *ret)
{
	if (syscall(SYS_clock_gettime, id, ret) != 0)
		return -1;
	from_ns(hasten(id, to_ns(ret)), ret);
	return 0;
}

int
gettimeofday(struct timeval *ret, void *zone)
{
	struct timespec ts;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return -1;
	ret->tv_sec = ts.tv_sec;
	ret->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *ret)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return -1;
	if (ret != NULL)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

/* On CLOCK_BOOTTIME; one that repeats keeps its period. */
int
timerfd_settime(int fd, int flags, const struct itimerspec *set,
	struct itimerspec *ret_old)
{
	const volatile struct tempo *t = get_tempo();
	struct itimerspec real = *set;
	int64_t ns = to_ns(&set->it_value);

	if (ns != 0) {
		if (flags & TFD_TIMER_ABSTIME)
			ns -= t->boot_ahead;
		/* All zeroes would mean that there is none. */
		from_ns(ns <= 0 ? 1 : divide_up(ns, t->rate), &real.it_value);
	}
	return (int)syscall(SYS_timerfd_settime, fd, flags, &real, ret_old);
}

int
epoll_wait(int fd, struct epoll_event *events, int count, int timeout_ms)
{
	int64_t ms = divide_up(timeout_ms, get_tempo()->rate);

	return (int)syscall(SYS_epoll_pwait, fd, events, count, (int)ms, NULL, 8);
}
