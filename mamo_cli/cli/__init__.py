"""The command line. It starts on systems that have file locks and signals as POSIX knows them."""

try:
    import fcntl  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit("mamo: this system has no fcntl: mamo runs on Linux and macOS; on Windows, inside WSL") from None
