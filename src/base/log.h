/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines: "TIME LEVEL object: text" to stderr; for the journal, which knows the time,
 * "<PRIORITY>object: text". Never blocks: when stderr is full lines are dropped and
 * counted, and the count is logged. Control characters are escaped, so no value can forge
 * a line. A program ignores SIGPIPE, or a reader that went away ends it.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_COUNT
};

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "<3>" prefixes for the journal instead of words. */
void log_set_journal(bool on);
/*
 * The file descriptor to write to (default 2); it is made non-blocking for log writes
 * only.
 */
void log_set_fd(int fd);

/* Lines lost since the last one that arrived. */
unsigned long log_dropped(void);
/* All that were ever lost. */
unsigned long log_lost(void);

/* object: a worker, a launch, an endpoint; NULL for the daemon itself. */
void log_write(enum log_level level, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(object, ...) log_write(LOG_LEVEL_ERROR, object, __VA_ARGS__)
#define log_warning(object, ...) log_write(LOG_LEVEL_WARNING, object, __VA_ARGS__)
#define log_info(object, ...) log_write(LOG_LEVEL_INFO, object, __VA_ARGS__)
#define log_debug(object, ...)                                                         \
	do {                                                                           \
		if (log_get_level() >= LOG_LEVEL_DEBUG)                                \
			log_write(LOG_LEVEL_DEBUG, object, __VA_ARGS__);               \
	} while (0)

/* Names of the levels, NULL-terminated, in the order of the enum. */
extern const char *const log_level_names[];

#endif
