# SPDX-License-Identifier: Apache-2.0
"""
moto's server with one mend: of a launch's disks moto forgets how many operations a second they
are for, and then refuses those of the type io1, which need the number.
"""

import sys

import moto.server
from moto.ec2.models import elastic_block_store

elastic_block_store.IOPS_REQUIRED_VOLUME_TYPES = ()

if __name__ == "__main__":
    moto.server.main(sys.argv[1:])
