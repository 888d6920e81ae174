"""The token that a Ray cluster may ask for: whether it does, and whether ours is the one."""

import os
import subprocess
import sys

from ray._private.authentication.authentication_token_setup import AUTH_MODE_ENV_VAR
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

from mamo_cli.core.errors import UsageError

TOKEN, TOKEN_PATH, HOME_PATH = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token"
# In a process of its own: Ray's native code tells of a refusal on stderr, and of a server of another kind for minutes.
KNOCK = """
import sys
from ray._raylet import GcsClient
from ray.exceptions import AuthenticationError
try:
    GcsClient(address=sys.argv[1])
except AuthenticationError:
    sys.exit(3)
"""
REFUSED = 3


def refuse_without_token(address: str, seconds: float) -> None:
    """Make sure that a cluster takes what this process has to show; a token that is here is shown to every cluster.

    Args:
        address: host and port.
        seconds: how long to wait for an answer.

    Raises:
        UsageError: the cluster asks for a token, and there is none, or another, or it is kept back.
        OSError: nobody answers as Ray does.
    """
    known = AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True)
    mode = os.environ.get(AUTH_MODE_ENV_VAR, "").lower()
    if known and not mode:
        mode = os.environ[AUTH_MODE_ENV_VAR] = "token"
        Config.initialize("")  # reads it anew
    copy = f"copy {HOME_PATH} from the machine that started it"
    if mode == "token" and not known:
        raise UsageError(f"{AUTH_MODE_ENV_VAR} is token, but this machine has no token for {address}: {copy}")
    if not _is_refused(address, seconds):
        return
    asks = f"the Ray cluster at {address} asks for a token"
    if mode == "token":
        raise UsageError(f"{asks} other than that of {_source()}: {copy}")
    if known:
        raise UsageError(f"{asks}, and {AUTH_MODE_ENV_VAR}={mode} keeps ours back: set {AUTH_MODE_ENV_VAR}=token")
    raise UsageError(f"{asks}, and this machine has none: {copy}")


def _is_refused(address: str, seconds: float) -> bool:
    try:
        knock = subprocess.run(
            [sys.executable, "-P", "-c", KNOCK, address], capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError("no answer") from None
    return knock.returncode == REFUSED


def _source() -> str:
    """Where Ray takes the token from."""
    return next((name for name in (TOKEN, TOKEN_PATH) if os.environ.get(name)), HOME_PATH)
