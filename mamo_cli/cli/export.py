"""`mamo export`: what a run delivered, or what it went through, in files for others."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mamo_cli.cli.completing import among, run_names
from mamo_cli.cli.console import print_facts, print_json
from mamo_cli.cli.evaluate import trained_run
from mamo_cli.cli.options import AsJson, Results
from mamo_cli.cli.output import OUTPUT
from mamo_cli.core.errors import UsageError
from mamo_cli.runs.manifest import RESULTS

TENSORBOARD = "tensorboard"
FORMATS = ("npz", "onnx", TENSORBOARD)


def export(
    run_name: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]", autocompletion=run_names, help="A complete train or run-mamo run.  [default: the newest]"
        ),
    ] = None,
    *,
    kind: Annotated[
        str, typer.Option("--format", autocompletion=among(FORMATS), help=f"One of {', '.join(FORMATS)}.")
    ] = FORMATS[0],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write, for tensorboard a folder.  [default: RUN/policy.FORMAT, or RUN/tensorboard]",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the member whose policy it is.  [default: the first that did not diverge]")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Of the member, in a train run.  [default: the run's first]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Write the policy that a run delivered to one of its members as one file, or its tables for TensorBoard.

    npz is all that a decision needs, and is read without executing anything. onnx (with the extra of that name) is the
    same for what runs no Python: values and choices from what is observed. tensorboard (likewise) is the curves of all
    members, a folder each. The same run gives the same bytes.
    """
    from mamo_cli.experiments.trained import KINDS

    if kind not in FORMATS:
        raise UsageError(f"--format must be one of {', '.join(FORMATS)}, got {kind!r}")
    if kind == TENSORBOARD and (seed, alpha) != (None, None):
        raise UsageError(f"--seed and --alpha choose a policy: --format {TENSORBOARD} takes all members of a run")
    trained = trained_run(run_name, results, list(KINDS))
    if kind == TENSORBOARD:
        facts, advice = _events(trained, out or trained / TENSORBOARD, force)
    else:
        facts, advice = _policy(trained, out or trained / f"policy.{kind}", kind, seed, alpha, force)
    if as_json:
        print_json(facts)
        return
    if "alpha" in facts:
        facts["alpha"] = ", ".join(f"{alpha:.4g}" for agent in facts["alpha"] for alpha in agent)
    print_facts(facts)
    if advice:
        OUTPUT.note(f"next: {advice}")


def _policy(
    trained: Path, path: Path, kind: str, seed: int | None, alpha: float | None, force: bool
) -> tuple[dict[str, Any], str]:
    from mamo_cli.experiments.export import policy_of_run, write_policy
    from mamo_cli.policies.onnx_model import chooses

    policy = policy_of_run(trained, seed, alpha)
    write_policy(policy, path, force, kind)
    about = policy.about
    if kind == "onnx" and not chooses(policy):
        OUTPUT.warn(f"the model gives values alone, and no choice: {about.chooser} chooses for all agents together")
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
    return facts, f"mamo evaluate {path}" if kind == "npz" else ""


def _events(trained: Path, folder: Path, force: bool) -> tuple[dict[str, Any], str]:
    from mamo_cli.experiments.export import write_events

    files = write_events(trained, folder, force)
    size = sum(file.stat().st_size for file in files)
    facts = {"folder": str(folder), "run": str(trained), "members": len(files), "bytes": size}
    return facts, f"tensorboard serve --logdir {folder}"
