/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scripts that make a shell ask the client how a word may go on.
 */
#ifndef CTL_SCRIPT_H
#define CTL_SCRIPT_H

struct script {
	const char *shell;
	const char *text;
};

extern const struct script scripts[]; /* ends with a shell of NULL */

#endif
