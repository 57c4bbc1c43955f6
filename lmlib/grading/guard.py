"""The process between pytest and a kernel: code that kills its parent kills this one, not pytest.

It runs the command that it is given, and ends with that command's status. When pytest ends first,
however it ends, this process's standard input closes, and everything in its group is killed.
"""

import os
import signal
import subprocess
import sys
import threading


def _end_with_pytest() -> None:
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    kernel = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_pytest, daemon=True).start()
    status = kernel.wait()
    os._exit(status if status >= 0 else 128 - status)
