# SPDX-License-Identifier: Apache-2.0
"""
Judges requests by an IAM policy, as AWS says that it does: an action is allowed on a resource if
some statement has the action, the resource and, all of them, the conditions. Deny and principals
do not occur in our policies, and are refused here.
"""

import fnmatch
import re


def _matches(patterns, text):
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return any(re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), text)
               for pattern in patterns)


def _equal(wanted, given):
    wanted = [wanted] if isinstance(wanted, str) else wanted
    return given in wanted


def _holds(condition, context):
    for test, keys in condition.items():
        assert test in ("StringEquals", "Bool"), test
        for key, wanted in keys.items():
            if not _equal(wanted, context.get(key)):
                return False
    return True


def allowed(policy, action, resource, context=None):
    """context: what the request says, by the names of condition keys."""
    context = context or {}
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Effect"] == "Allow"
        if (action in statement["Action"] and _matches(statement["Resource"], resource)
                and _holds(statement.get("Condition", {}), context)):
            return True
    return False
