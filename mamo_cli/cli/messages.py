"""The two options that every command takes, before its name and after it."""

from typing import Annotated

import typer

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Leave stderr empty on success.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show debug messages and tracebacks.")]
