/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ec2workerd does instead of running: it says something of itself or of a
 * configuration, and leaves.
 */
#ifndef CORE_MODES_H
#define CORE_MODES_H

struct buf;
struct conf;
struct options;

enum exit_code { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

/* Appends what belongs on standard output and on standard error; the exit code. */
typedef int mode_fn(const char *path, struct buf *out, struct buf *err);

/* NULL: it runs. */
mode_fn *mode_of(const struct options *o);

/* Loads a configuration; all its problems go to err. NULL if there is an error. */
struct conf *mode_load(const char *path, struct buf *err);

#endif
