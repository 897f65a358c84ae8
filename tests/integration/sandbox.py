# SPDX-License-Identifier: Apache-2.0
"""
Surroundings that only a kernel can make: a network of one's own, names of one's own, and a
filter of system calls as the unit's. Where the kernel does not let us, Unavailable says why.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import pathlib
import platform
import socket
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SIOCSIFADDR, SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x8913, 0x8914, 1
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


class Unavailable(Exception):
    """The kernel, or this container, does not let us."""


def checked(result):
    if result != 0:
        raise Unavailable(os.strerror(ctypes.get_errno()))


def set_loopback(families):
    """Brings it up with the addresses of these families alone."""
    if socket.AF_INET6 not in families:
        pathlib.Path("/proc/sys/net/ipv6/conf/lo/disable_ipv6").write_text("1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.unpack("16sH", fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH", b"lo", 0))[:18])[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
        if socket.AF_INET not in families:
            none = struct.pack("16sHH4s8x", b"lo", socket.AF_INET, 0, bytes(4))
            fcntl.ioctl(control, SIOCSIFADDR, none)


@contextlib.contextmanager
def own_network(*families):
    """This thread, and what it starts, has a loopback device of these families and no more."""
    with open("/proc/thread-self/ns/net", "rb") as before:
        checked(LIBC.unshare(CLONE_NEWNET))
        try:
            set_loopback(families)
            yield
        finally:
            checked(LIBC.setns(before.fileno(), CLONE_NEWNET))


def own_names(directory, **addresses):
    """The prefix of a command for which names mean these addresses: name="::1 127.0.0.1"."""
    hosts = pathlib.Path(directory) / "hosts"
    hosts.write_text("".join(f"{address} {name}\n" for name, text in addresses.items()
                             for address in text.split()))
    return ["unshare", "--mount", "sh", "-c",
            f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]


# The filter: rules of (system call, index of the argument, mask, value, error).

NUMBERS = {"x86_64": {"socket": 41, "mmap": 9, "mprotect": 10},
           "aarch64": {"socket": 198, "mmap": 222, "mprotect": 226}}
PROT_WRITE, PROT_EXEC = 2, 4
# RestrictAddressFamilies= without AF_NETLINK, and MemoryDenyWriteExecute=.
AS_THE_UNIT = [
    ("socket", 0, 0xffffffff, socket.AF_NETLINK, errno.EAFNOSUPPORT),
    ("mmap", 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC, errno.EPERM),
    ("mprotect", 2, PROT_EXEC, PROT_EXEC, errno.EPERM),
]
LOAD, AND, JUMP_IF_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000


def program(rules):
    code = []
    for name, index, mask, value, error in rules:
        code += [(LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 4, NUMBERS[platform.machine()][name]),
                 (LOAD, 0, 0, 16 + 8 * index), (AND, 0, 0, mask), (JUMP_IF_EQUAL, 0, 1, value),
                 (RETURN, 0, 0, ERRNO | error)]
    return b"".join(struct.pack("HBBI", *row) for row in [*code, (RETURN, 0, 0, ALLOW)])


def confine():
    """Puts this process, and what it executes, under the filter; for preexec_fn."""
    text = program(AS_THE_UNIT)
    code = ctypes.create_string_buffer(text, len(text))
    head = struct.pack("HxxxxxxP", len(text) // 8, ctypes.addressof(code))
    checked(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    checked(LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0))
