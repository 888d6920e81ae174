"""`python -m mamo_cli`: the same as `mamo`."""

import os
import sys

import mamo_cli

# In this form Python puts the working folder first. From here on nothing is looked for there, unless the package itself
# is there. (os is in Python itself; pathlib would be looked for.)
if not sys.flags.safe_path and sys.path[0] != os.path.dirname(os.path.dirname(mamo_cli.__file__)):
    del sys.path[0]

from mamo_cli.cli.main import main

main()
