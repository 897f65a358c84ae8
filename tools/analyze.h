/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tools/analyze tells the analysers before each source file, for they do not see it
 * themselves: that the functions of err.h return -1, and that lists and hashes keep what is
 * put into them and let go of what is taken out. The macros of utlist.h and uthash.h are
 * loops of pointers that no analyser follows to the end.
 */
#ifndef TOOLS_ANALYZE_H
#define TOOLS_ANALYZE_H

#include <stddef.h>
#include <uthash.h>
#include <utlist.h>

/* Not for the files that define them. */
#ifndef ANALYZE_ERR
#include "base/err.h"
#include "sim/error.h"

static inline int
analyze_minus_one(int result)
{
	(void)result;
	return -1;
}
#define err_set(...) analyze_minus_one((err_set)(__VA_ARGS__))
#define err_set_errno(...) analyze_minus_one((err_set_errno)(__VA_ARGS__))
#define err_wrap(...) analyze_minus_one((err_wrap)(__VA_ARGS__))
#define sim_fail(...) analyze_minus_one((sim_fail)(__VA_ARGS__))
#endif

/* They may change the head, and both know the element; what it is afterwards nobody knows. */
void analyze_link(void *head, const void *element);
void analyze_unlink(void *head, const void *element);
void *analyze_find(const void *head, const void *key);

#undef DL_APPEND
#undef DL_APPEND2
#undef DL_PREPEND_ELEM
#undef DL_DELETE
#undef DL_DELETE2
#undef LL_PREPEND
#undef LL_PREPEND2
#undef LL_APPEND
#undef LL_DELETE
#undef LL_DELETE2
#define DL_APPEND(head, add) analyze_link(&(head), add)
#define DL_APPEND2(head, add, prev, next) analyze_link(&(head), add)
#define DL_PREPEND_ELEM(head, at, add) ((void)(at), analyze_link(&(head), add))
#define DL_DELETE(head, del) analyze_unlink(&(head), del)
#define DL_DELETE2(head, del, prev, next) analyze_unlink(&(head), del)
#define LL_PREPEND(head, add) analyze_link(&(head), add)
#define LL_PREPEND2(head, add, next) analyze_link(&(head), add)
#define LL_APPEND(head, add) analyze_link(&(head), add)
#define LL_DELETE(head, del) analyze_unlink(&(head), del)
#define LL_DELETE2(head, del, next) analyze_unlink(&(head), del)

#undef HASH_ADD_KEYPTR
#undef HASH_ADD_STR
#undef HASH_ADD
#undef HASH_DEL
#undef HASH_CLEAR
#undef HASH_FIND
#undef HASH_FIND_STR
#undef HASH_COUNT
#define HASH_ADD_KEYPTR(hh, head, key, len, add)                                       \
	((void)(key), (void)(len), analyze_link(&(head), add))
#define HASH_ADD_STR(head, field, add) analyze_link(&(head), add)
#define HASH_ADD(hh, head, field, len, add) ((void)(len), analyze_link(&(head), add))
#define HASH_DEL(head, del) analyze_unlink(&(head), del)
#define HASH_CLEAR(hh, head) analyze_unlink(&(head), NULL)
#define HASH_FIND(hh, head, key, len, out)                                             \
	((void)(len), (out) = analyze_find(head, key))
#define HASH_FIND_STR(head, key, out) ((out) = analyze_find(head, key))
#define HASH_COUNT(head) ((head) == NULL ? 0u : (unsigned)sizeof(*(head)))

#endif
