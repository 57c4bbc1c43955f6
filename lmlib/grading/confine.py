"""What runs first inside a sandbox: take the limits, give up every right, become the kernel.

It needs nothing but the standard library, and none of lmlib: ``confine.py SAID COMMAND ...``, where
``SAID`` is JSON of the limits by name, the user, the folder and the environment.
"""

import ctypes
import json
import os
import resource
import sys

if __name__ == "__main__":
    said = json.loads(sys.argv[1])
    for name, most in said["limits"].items():
        which = getattr(resource, name)
        _soft, hard = resource.getrlimit(which)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(which, (most, most))
        except ValueError:
            if sys.platform == "linux":  # macOS has no limit of address space
                raise
    if said["user"] is not None:
        os.setgroups([])
        os.setresgid(said["user"], said["user"], said["user"])
        os.setresuid(said["user"], said["user"], said["user"])
    if sys.platform == "linux":
        # In a namespace of users that maps none, nobody can make another, and with it mount.
        ctypes.CDLL(None).unshare(0x10000000)
    os.chdir(said["folder"])
    os.execve(sys.argv[2], sys.argv[2:], said["environment"])
