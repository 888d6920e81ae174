"""`mamo serve`: decisions of a policy over gRPC, as KEDA asks for them, and over HTTP."""

import asyncio
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mamo_cli.cli.completing import run_names
from mamo_cli.cli.console import print_facts, print_json, print_lines, print_told
from mamo_cli.cli.evaluate import is_policy, trained_run
from mamo_cli.cli.options import AsJson, Results
from mamo_cli.cli.output import OUTPUT
from mamo_cli.cli.useful import require_useful
from mamo_cli.core.errors import UsageError
from mamo_cli.runs.manifest import RESULTS
from mamo_cli.runs.stopping import STOP

if TYPE_CHECKING:  # these take their time to import
    from mamo_cli.policies.file import Policy
    from mamo_cli.serving.decisions import Service
    from mamo_cli.serving.server import Bound, Options

LOG = "decisions.jsonl"
EXTRA = ("grpc", "google.protobuf", "aiohttp", "prometheus_client")
"""What serving needs besides."""
CHECK, DRY_RUN = ("check", "as_json"), ("policy", "dry_run", "results", "as_json")
MANIFEST = ("policy", "manifest", "results", "as_json", "grpc_port", "tls_cert", "tls_key", "tls_client_ca")
"""What those that serve nothing have a use for."""
LOOKS_SECONDS = 0.1
"""Between two looks whether the process is to stop."""


def serve(
    context: typer.Context,
    policy: Annotated[
        str | None,
        typer.Argument(
            metavar="[POLICY]",
            autocompletion=run_names,
            help="A policy file of `mamo export`, or a complete train or run-mamo run.  [default: the newest run]",
        ),
    ] = None,
    *,
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; what is not loopback needs a token or mTLS.")
    ] = "127.0.0.1",
    grpc_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the gRPC face, for KEDA; 0: any free one.")
    ] = 9090,
    http_port: Annotated[int, typer.Option(min=0, max=65535, help="Of the HTTP face; 0: any free one.")] = 8080,
    log: Annotated[
        Path | None,
        typer.Option(help=f"Log of decisions, from which a restart goes on.  [default: {LOG} beside the policy]"),
    ] = None,
    prometheus: Annotated[
        str | None, typer.Option(metavar="URL", help="Ask this Prometheus at the start of each period, with --load.")
    ] = None,
    load: Annotated[
        list[str] | None,
        typer.Option(metavar="[FUNCTION=]QUERY", help="Query for the requests/s to expect, one for each function."),
    ] = None,
    rejected: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[FUNCTION=]QUERY", help="Query for the share (0 to 1) rejected in the period before, likewise."
        ),
    ] = None,
    counted: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[FUNCTION=]QUERY", help="Query for the requests in the window that a shield counts, likewise."
        ),
    ] = None,
    cap: Annotated[
        list[str] | None,
        typer.Option(metavar="[FUNCTION=]QUERY", help="Query for the most replicas there may be now, likewise."),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="QUERY", help="Query for the MB there are now that functions share.")
    ] = None,
    stale_after: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Age in s from which nobody is told a decision.  [default: 2 periods]"),
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="File of a token; who shows it is answered.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM file of the server's certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="PEM file of a CA; who shows a certificate of it is answered.")
    ] = None,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Print what KEDA is to be told (YAML), and serve nothing.")
    ] = False,
    dry_run: Annotated[
        Path | None,
        typer.Option(metavar="TRACE", help="Play a trace through the server, and print what `mamo evaluate` prints."),
    ] = None,
    check: Annotated[
        Path | None, typer.Option(metavar="LOG", help="Check a log of decisions, line by line, and serve nothing.")
    ] = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Serve a policy's decisions, as KEDA asks for them (gRPC) and over HTTP.

    POST /decide decides of what was measured, GET /decide tells the current decision, GET /healthz whether there is
    one, GET /metrics is for Prometheus. Every decision is written to a log, each line chained to the one before. What
    is stale or unknown is refused, never told as 0. Ends with Ctrl-C or SIGTERM.
    """
    if sum((manifest, dry_run is not None, check is not None)) > 1:
        raise UsageError("--manifest, --dry-run and --check are three things: ask for one")
    if check is not None:
        require_useful(context, "--check looks at a log and serves nothing", CHECK)
        return _check(check, as_json)
    if manifest:
        require_useful(context, "--manifest serves nothing", MANIFEST)
        return _manifest(_policy(policy, results)[1], grpc_port, tls_cert is not None, as_json)
    if dry_run is not None:
        require_useful(context, "--dry-run serves this process alone, from a log that is thrown away", DRY_RUN)
    _require_extra()
    if dry_run is not None:
        return _dry_run(_policy(policy, results)[1], dry_run, as_json)
    from mamo_cli.serving.access import read_access, warnings
    from mamo_cli.serving.decisions import Service, reader_for
    from mamo_cli.serving.log import DecisionLog
    from mamo_cli.serving.queries import Asked, assumed, share, source_of, whole
    from mamo_cli.serving.server import Options

    if stale_after is not None and not 0.0 < stale_after < float("inf"):
        raise UsageError(f"--stale-after must be a finite number of s > 0, got {stale_after:g}")
    access = read_access(listen, token_file, tls_cert, tls_key, tls_client_ca)
    path, served = _policy(policy, results)
    asked = {
        "rate_rps": Asked("--load", load),
        "rejection": Asked("--rejected", rejected, share),
        "counted": Asked("--counted", counted),
        "max_replicas": Asked("--cap", cap, whole),
        "memory_mb": Asked("--memory", None if memory is None else [memory], shared=True),
    }
    keys = reader_for(served).keys
    source = source_of(prometheus, asked, served.about.agents, keys)
    options = Options(listen, grpc_port, http_port, access, source)
    for warning in warnings(listen, access, token_file):
        OUTPUT.warn(f"mamo: {warning}")
    for line in [] if source is None else assumed(source, asked, keys):
        OUTPUT.note(line)
    written = log or (path if path.is_dir() else path.parent) / LOG
    with DecisionLog(written) as opened:
        if opened.notice:
            OUTPUT.warn(f"mamo: {opened.notice}")
        _serve(Service(served, opened, stale_after), options, {"policy": str(path), "log": str(written)}, as_json)


def _serve(service: "Service", options: "Options", facts: Mapping[str, Any], as_json: bool) -> None:
    """Serve until a signal comes; raises `Stopped` then."""
    from mamo_cli.serving.server import serving

    async def serve_on() -> None:
        async with serving(service, options) as bound:
            _tell(service.policy, bound, options, facts)
            if as_json:
                print_json({**facts, "digest": service.policy.digest, **bound._asdict()})
            while STOP.number is None:
                await asyncio.sleep(LOOKS_SECONDS)

    _tell_window(service.reader.windows.get("counted"), options)
    with STOP.deferred():
        asyncio.run(serve_on())


def _tell(policy: "Policy", bound: "Bound", options: "Options", facts: Mapping[str, Any]) -> None:
    """Say which policy decides, where the server listens, for whom, and where its decisions go."""
    about = policy.about
    OUTPUT.note(f"policy of run {about.run}, seed {about.seed}, digest {policy.digest[:12]}")
    scheme = "http" if options.access.context is None else "https"
    OUTPUT.note(f"gRPC for KEDA on {bound.host}:{bound.grpc_port}, HTTP on {scheme}://{bound.host}:{bound.http_port}")
    OUTPUT.note(f"it answers {options.access.told(bound.listen)}; decisions go to {facts['log']}")


def _tell_window(seconds: float | None, options: "Options") -> None:
    """Say over how many s the shield's requests must be counted, where it counts any."""
    if seconds is None:
        return
    how = f"counted, with counted_seconds = {seconds:.12g}" if options.source is None else "a query of --counted"
    OUTPUT.note(f"the shield reads the requests of the last {seconds:.12g} s: tell it by {how}")


def _policy(name: str | None, results: Path) -> tuple[Path, "Policy"]:
    """The policy that is named, a file or made in memory of a run, and where that is."""
    from mamo_cli.policies.file import read_policy

    if name is not None and is_policy(name, results):
        return Path(name), read_policy(Path(name))
    from mamo_cli.experiments.export import policy_of_run
    from mamo_cli.experiments.trained import KINDS

    run = trained_run(name, results, list(KINDS))
    return run, policy_of_run(run)


def _manifest(policy: "Policy", grpc_port: int, tls: bool, as_json: bool) -> None:
    from mamo_cli.experiments.manifest import manifest

    text = manifest(policy, grpc_port, tls)
    if as_json:
        print_json({"manifest": text})
        return
    print_lines(text.splitlines())
    OUTPUT.note("set what is called SET-..., then: kubectl apply -f FILE")


def _dry_run(policy: "Policy", trace: Path, as_json: bool) -> None:
    from mamo_cli.analysis.told import tables_of
    from mamo_cli.experiments.dry_run import dry_run

    with dry_run(policy, trace) as (outcome, decisions, head, beyond):
        if beyond:
            OUTPUT.warn(
                f"mamo: at {beyond} of {decisions} steps there is what training never met: there the server asks the "
                "policy for the nearest that it met, and mamo evaluate does not: tables may differ from there on"
            )
        if as_json:
            print_json({"decisions": decisions, "head": head, "beyond": beyond, "members": outcome.summary})
            return
        for told in tables_of(outcome.path, outcome.summary):
            print_told(told)
        OUTPUT.note(f"{decisions} decisions over HTTP, each read back by gRPC")


def _check(log: Path, as_json: bool) -> None:
    from mamo_cli.serving.log import check

    checked = check(log)
    facts = {"log": str(log), "decisions": checked.count, "head": checked.head, "head_number": checked.number}
    if as_json:
        print_json(facts)
        return
    print_facts(facts)
    OUTPUT.note(
        "every line follows the one before; whether any were cut off the end, /metrics tells, which has count and head"
    )


def _require_extra() -> None:
    """Raises: UsageError: what serving needs is not installed."""
    if not OUTPUT.verbose:
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its core would write to stderr what is told better here
    try:
        for package in EXTRA:
            import_module(package)
    except ImportError as error:
        raise UsageError(f'serving needs more packages ({error}): pip install "mamo[serve]"') from None
