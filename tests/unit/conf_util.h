/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the configuration share: texts with a hole, loads whose problems come
 * back as text, files with a mode.
 */
#ifndef CONF_UTIL_H
#define CONF_UTIL_H

#include <sys/types.h>

struct conf;

/* A configuration that loads, whose one worker is completed by the lines behind it. */
#define CONF_TOP "pool: p\nworkers:\n  bot1:\n"
#define CONF_WORKER                                                                    \
	"    password: sekrit\n"                                                       \
	"    instance_type: m5.large\n"                                                \
	"    ami: ami-12345\n"                                                         \
	"    keypair_name: k\n"

/* What a load from memory prints; the caller's. ret_conf (may be NULL): it, or NULL. */
char *conf_told(const char *text, const char *dir, struct conf **ret_conf);
/* Loads what must be without any problem; fails the test if it is not. */
struct conf *conf_good(const char *text);
/* Fails the test unless exactly this is printed and nothing is loaded. */
void conf_refused(int line, const char *text, const char *printed);

/* A directory of the test's own below /tmp; the caller's. */
char *temp_dir(void);
/* Writes dir/name. */
void temp_file(const char *dir, const char *name, const char *text, mode_t mode);
/* With all files in it. Frees dir. */
void temp_remove(char *dir);

#endif
