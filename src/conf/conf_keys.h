/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that belong elsewhere, for the messages about them and for the manual.
 */
#ifndef CONF_KEYS_H
#define CONF_KEYS_H

struct conf_stranger {
	const char *table; /* where it is met */
	const char *key;
	const char *remedy; /* says where it belongs; follows "unknown key; " */
};

/* Ends with a row without a key. */
extern const struct conf_stranger conf_strangers[];

#endif
