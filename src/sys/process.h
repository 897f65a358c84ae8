/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program does to its own process before anything else: descriptors, limits,
 * signals, dumps.
 */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Opens /dev/null where 0 to 2 are closed, so that no socket or ledger becomes somebody's
 * stderr; ignores SIGPIPE. For every program.
 */
void process_init(void);
/*
 * For the daemon: files for its own eyes only, no core with secrets in it, as many
 * descriptors as it may have.
 */
void process_harden(void);
/* How many descriptors it may have. */
size_t process_descriptors(void);
/* Whether stderr goes to the journal (systemd.exec(5), JOURNAL_STREAM). */
bool process_logs_to_journal(void);

#endif
