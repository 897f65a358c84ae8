/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing here can fail in a way that a program could answer; what is refused stays as it
 * was.
 */
#include "sys/process.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* A sanitizer looks for leaks by way of ptrace, which an undumpable process refuses. */
#if defined(__SANITIZE_ADDRESS__)
#define DUMPABLE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DUMPABLE 1
#endif
#endif
#ifndef DUMPABLE
#define DUMPABLE 0
#endif

void
process_init(void)
{
	/* open() takes the lowest free number, which is the one that is missing. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1)
			(void)!open("/dev/null", O_RDWR); /* stays open by intent */
	(void)signal(SIGPIPE, SIG_IGN); /* fails for no valid signal */
}

static bool
limit_is(const struct rlimit *limit, rlim_t value)
{
	return limit->rlim_cur == value && limit->rlim_max == value;
}

/* A limit that is as wanted already is not set: a filter of system calls may object. */
void
process_harden(void)
{
	const struct rlimit none = {0, 0};
	struct rlimit now;

	(void)umask(077);
	if (getrlimit(RLIMIT_NOFILE, &now) == 0 && !limit_is(&now, now.rlim_max)) {
		now.rlim_cur = now.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &now); /* else it stays what it was */
	}
	if (DUMPABLE)
		return;
	if (getrlimit(RLIMIT_CORE, &now) == 0 && !limit_is(&now, 0))
		(void)setrlimit(RLIMIT_CORE, &none);  /* lowering is always allowed */
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L); /* so is this */
}

size_t
process_descriptors(void)
{
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur > SIZE_MAX)
		return SIZE_MAX;
	return (size_t)now.rlim_cur;
}

bool
process_logs_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t dev, ino;
	struct stat st;

	/* analyze: cert-err34-c: what does not fit is no device of ours */
	if (stream == NULL || sscanf(stream, "%ju:%ju", &dev, &ino) != 2)
		return false;
	return fstat(2, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}
