/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An error: what kind, a sentence for people, and what its origin said.
 * Callers own the struct; it holds no pointers and needs no destructor.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

/*
 * What kind of error; each RPC error code has its counterpart here. Ledgers hold the
 * number: a new one goes to the end.
 */
enum err_code {
	ERR_NONE,              /* no error */
	ERR_INTERNAL,          /* a mistake of ours, or of a library */
	ERR_IO,                /* the system refused: file, socket, database */
	ERR_CONFIG,            /* configuration or state directory unusable */
	ERR_PARSE,             /* text that is not what it should be */
	ERR_INVALID,           /* a value or parameter is wrong */
	ERR_METHOD_UNKNOWN,    /* no such RPC method */
	ERR_REQUEST,           /* not a JSON-RPC request */
	ERR_NETWORK,           /* transport: never sent, or no answer */
	ERR_SERVICE,           /* EC2, STS or a mail server answered with an error */
	ERR_WORKER_UNKNOWN,    /* no worker of that name */
	ERR_FORBIDDEN,         /* role too low */
	ERR_STALE_GENERATION,  /* not the running generation */
	ERR_FAILED,            /* the worker could not be started */
	ERR_CANCELLED,         /* the wish was withdrawn */
	ERR_MISSING,           /* launched, but the worker never attached */
	ERR_UNAVAILABLE,       /* not now: stopping, degraded, paused */
	ERR_UNEXPECTED_ATTACH, /* attached without a live launch */
	ERR_LIMIT,             /* a limit of the service was reached */
	ERR_OWNED,             /* another live owner reports this worker */
	ERR_TIMEOUT,           /* the caller's own time ran out */
	ERR_COUNT
};

/* Why EC2 work did not come about: `reason` in the RPC error's data. As above. */
enum err_reason {
	REASON_NONE,
	REASON_CAPACITY,
	REASON_QUOTA,
	REASON_PRICE,
	REASON_CONFIG,
	REASON_AUTH,
	REASON_THROTTLED,
	REASON_NETWORK,
	REASON_INSTANCE_DIED,
	REASON_INTERNAL,
	REASON_COUNT
};

struct err {
	enum err_code code;
	enum err_reason reason;
	char text[512];        /* the sentence, UTF-8, cut when too long */
	char origin[80];       /* the origin's own code: AWS's, or empty */
	char origin_text[320]; /* the origin's own message, or empty */
	char request_id[64];   /* AWS's request id, or empty */
};

/* Sets code and sentence and clears the rest. err may be NULL. Returns -1. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set, with ": strerror(errnum)" behind the sentence. Returns -1. */
int err_set_errno(struct err *err, enum err_code code, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts "prefix: " in front of the sentence; code and origin stay. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Records what the origin said; NULLs are empty strings. */
void err_origin(struct err *err, const char *code, const char *message,
	const char *request_id);

void err_clear(struct err *err);

/* The word for a reason ("capacity"), or NULL for REASON_NONE. */
const char *err_reason_name(enum err_reason reason);

/* The reason for a word, REASON_NONE when it is not one. */
enum err_reason err_reason_find(const char *name);

#endif
