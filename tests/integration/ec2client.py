# SPDX-License-Identifier: Apache-2.0
"""What tests of ec2sim by boto3 say often."""

import botocore.exceptions
import pytest

IMAGE = {"ImageId": "ami-12345", "MinCount": 1, "MaxCount": 1}


def refused(call, *args, **kwargs):
    """(code, message) of the error that a call must end in."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*args, **kwargs)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def code(call, *args, **kwargs):
    return refused(call, *args, **kwargs)[0]


def run(ec2, **more):
    return ec2.run_instances(**{**IMAGE, **more})["Instances"][0]


def of(**filters):
    return {"Filters": [{"Name": name.replace("_", "-"), "Values": values}
                        for name, values in filters.items()]}
