"""Tables in, figures out. Where the user has no home, Matplotlib keeps its list of fonts where we keep our things."""

import os

from mamo_cli.core import folders

if not folders.home_can_be_written() and (_kept := folders.for_caches()):
    os.environ.setdefault("MPLCONFIGDIR", str(_kept / "matplotlib"))
