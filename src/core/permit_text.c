/* SPDX-License-Identifier: Apache-2.0 */
/* The codes by which EC2 says that a permission is missing, and the words for it. */
#include "core/permit_text.h"

#include "base/err.h"
#include "base/mem.h"
#include "core/permit.h"

#include <string.h>

bool
permit_is_missing(const struct err *err)
{
	static const char *const codes[] = {"UnauthorizedOperation", "AccessDenied",
		"AccessDeniedException"};

	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (strcmp(err->origin, codes[i]) == 0)
			return true;
	return false;
}

void
permit_explain(const char *ended, const struct err *err, struct err *ret)
{
	*ret = *err;
	ret->code = ERR_FAILED;
	ret->reason = REASON_AUTH;
	if (permit_is_missing(err))
		err_wrap(ret,
			"nothing is launched with these credentials: their policy must "
			"allow ec2:%s%s (see ec2workerd --print-policy)%s",
			ended == NULL ? "RunInstances" : "TerminateInstances",
			ended == NULL ? ""
				      : ", and what may not be ended is not started",
			str_equal(ended, PERMIT_NOBODY)
				? "; tried on " PERMIT_NOBODY
				  ", which does not exist, for the pool has no "
				  "instance yet"
				: "");
	else
		err_wrap(ret, "nothing is launched with these credentials");
}
