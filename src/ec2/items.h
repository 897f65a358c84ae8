/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists in EC2's XML to arrays of structs, by tables that say which element fills which
 * member. What is gathered while the document is read is given away only when it was
 * well-formed to its end.
 */
#ifndef EC2_ITEMS_H
#define EC2_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* More items than this in one body are refused; pages have at most 1000. */
#define ITEMS_MAX 10000u

struct items {
	void *array; /* owned; count structs of the shape's size */
	size_t count;
	char *next_token; /* owned; NULL or never empty */
};

struct item_reader;
/* Takes the text of an element of the item; NULL where the element only begins. */
typedef void item_take(struct item_reader *r, void *item, const char *text);

/* An element below an item. */
struct item_leaf {
	const char *path; /* below the item; NULL ends the table */
	item_take *take;  /* or NULL: text goes into the string member at offset */
	item_take *
		begin; /* or NULL: called as the element begins, and no member is set */
	size_t offset; /* of a char *; an empty element makes it NULL */
};

struct item_shape {
	const char *root;
	const char *item; /* path of one item */
	size_t size;      /* of its struct, which begins as zeroes */
	const struct item_leaf *leaves;
	const char *if_empty; /* what is wrong with an answer without any, or NULL */
	/* The item is whole: refuses it, or drops it by false. */
	bool (*finish)(struct item_reader *r, void *item);
	void (*fini)(void *item); /* of its members */
};

struct item_reader {
	const struct item_shape *shape;
	struct items list;
	void *item; /* the one being read, in list, or NULL */
	/* What elements of one item tell each other. */
	char *key, *value;   /* owned */
	long code;           /* -1: none */
	const char *refused; /* what is wrong with it all, or NULL */
};

/* -1 (ERR_PARSE): not whole, not the shape's root, or refused. *ret is then untouched. */
int items_parse(const struct item_shape *shape, const char *body, size_t len,
	struct items *ret, struct err *err);
/* Moves the items of page behind those of list, and takes its next token. */
void items_append(const struct item_shape *shape, struct items *list,
	struct items *page);
void items_fini(const struct item_shape *shape, struct items *list);

/* The whole answer is none; the first reason counts. why is borrowed for ever. */
void items_refuse(struct item_reader *r, const char *why);
/* Gives text to the leaf of that path, if the table has one. */
void items_take(struct item_reader *r, const struct item_leaf *leaves, const char *path,
	const char *text);
/* An owned copy, NULL for an empty text; frees what was there. */
void items_set(char **member, const char *text);
/* A whole number from 0 up, or -1 when it is none. */
int64_t items_number(const char *text);
/* 0 if it is the prefix ("ami-") and 8 to 17 lower-case hex digits, else -1. */
int items_id_check(const char *id, const char *prefix);
/* The same for what a configuration may name: 1 to 32 digits. */
int items_name_check(const char *id, const char *prefix);

#endif
