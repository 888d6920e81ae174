"""`mamo export`: the policy that a run delivered, as one file."""

from pathlib import Path
from typing import Annotated

import typer

from mamo_cli.cli.completing import among, run_names
from mamo_cli.cli.console import print_facts, print_json
from mamo_cli.cli.evaluate import trained_run
from mamo_cli.cli.options import AsJson, Results
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.errors import UsageError
from mamo_cli.runs.manifest import RESULTS

FORMATS = ("npz", "onnx")


def export(
    run_name: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]", autocompletion=run_names, help="A complete train or run-mamo run.  [default: the newest]"
        ),
    ] = None,
    *,
    kind: Annotated[
        str,
        typer.Option(
            "--format", autocompletion=among(FORMATS), help="Of the file: npz, which decisions are made by, or onnx."
        ),
    ] = FORMATS[0],
    out: Annotated[Path | None, typer.Option(help="File to write.  [default: RUN/policy.FORMAT]")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the member whose policy it is.  [default: the first that did not diverge]")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Of the member, in a train run.  [default: the run's first]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Write the policy that a run delivered to one of its members as one file.

    It is all that a decision needs, and is read without executing anything; the same policy gives the same bytes.
    ONNX (needs the extra onnx) is for what runs no Python: values and choices from what is observed.
    """
    from mamo_cli.experiments.export import policy_of_run, write_policy
    from mamo_cli.experiments.trained import KINDS
    from mamo_cli.policies.onnx_model import chooses

    if kind not in FORMATS:
        raise UsageError(f"--format must be one of {', '.join(FORMATS)}, got {kind!r}")
    trained = trained_run(run_name, results, list(KINDS))
    policy = policy_of_run(trained, seed, alpha)
    path = out or trained / f"policy.{kind}"
    write_policy(policy, path, force, kind)
    about = policy.about
    facts = {
        "policy": str(path),
        "run": str(trained),
        "seed": about.seed,
        "alpha": about.alpha,
        "readout": about.readout,
        "policies": len(policy.parameters),
        "bytes": path.stat().st_size,
        "digest": policy.digest,  # of the policy, whatever the format
    }
    if kind == "onnx" and not chooses(policy):
        OUTPUT.warn(f"the model gives values alone, and no choice: {about.chooser} chooses for all agents together")
    if as_json:
        print_json(facts)
        return
    print_facts({**facts, "alpha": ", ".join(f"{alpha:.4g}" for agent in about.alpha for alpha in agent)})
    if kind == "npz":
        OUTPUT.note(f"next: mamo evaluate {path}")
