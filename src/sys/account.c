/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glibc takes a name for unknown when it had no memory to look for it, and does not always
 * say so in errno. A role that is lost, or a start that is refused, must not come of that:
 * who is not found is looked for once more, and what is said of memory ends the process.
 */
#include "sys/account.h"

#include "base/mem.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>

enum { LOOKS = 2 };

static void
check_memory(void)
{
	if (errno == ENOMEM)
		mem_exhausted();
}

bool
account_user(const char *name, uid_t *ret_uid)
{
	const struct passwd *found = NULL;

	for (int look = 0; found == NULL && look < LOOKS; look++) {
		errno = 0;
		found = getpwnam(name);
		if (found == NULL)
			check_memory();
	}
	if (found != NULL)
		*ret_uid = found->pw_uid;
	return found != NULL;
}

bool
account_group(const char *name, gid_t *ret_gid)
{
	const struct group *found = NULL;

	for (int look = 0; found == NULL && look < LOOKS; look++) {
		errno = 0;
		found = getgrnam(name);
		if (found == NULL)
			check_memory();
	}
	if (found != NULL)
		*ret_gid = found->gr_gid;
	return found != NULL;
}
