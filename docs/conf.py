"""Settings of the manual, which `make manual` builds without any network."""

from mamo_cli import __version__

project = "mamo"
author = "the authors of mamo"
release = version = __version__
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
html_theme = "furo"
html_title = f"mamo {__version__}"
html_show_copyright = False
nitpicky = True
