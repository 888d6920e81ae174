"""Settings of the manual, which `make manual` builds without any network."""

import sys
from pathlib import Path

from mamo_cli import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "mamo"
author = "the authors of mamo"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
default_role = "code"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
# Types of other packages, and ours of layers that the Python page does not list, have no page to lead to.
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]
smartquotes = False  # they would make one dash of the two that an option begins with
html_theme = "furo"
html_title = f"mamo {__version__}"
html_show_copyright = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_math_renderer = "mathml"
