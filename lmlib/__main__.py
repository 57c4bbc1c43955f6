"""``python -m lmlib`` is the command ``lmlib``."""

import sys

from lmlib.commands import main

if __name__ == "__main__":
    sys.exit(main())
