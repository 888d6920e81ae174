"""What a run was about, as its page tells it: the domain and the workload, whatever became of the file that it was."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mamo_cli.core.errors import MamoError
from mamo_cli.core.settings import Section
from mamo_cli.core.told import shown
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import EvaluateConfig, ProblemConfig
from mamo_cli.experiments.trained import TRACE
from mamo_cli.runs.folder import known_as
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace

Facts = Mapping[str, Any]
"""Of a workload: agents, steps, step_seconds, expected_rate_rps (least, most and mean) and notes."""


def facts_of(trace: Trace) -> Facts:
    """What is told of a workload; run.json has it of a run that keeps no copy of the trace."""
    rates = trace.expected_rate_rps
    return {
        "agents": list(trace.functions),
        "steps": trace.steps,
        "step_seconds": trace.step_seconds,
        "expected_rate_rps": {
            "least": float(rates.min()),
            "most": float(rates.max()),
            "mean": float(rates.mean()),
        },
        "notes": dict(trace.notes),
    }


def workload_of(folder: Path, manifest: Mapping[str, Any], config: Section | None) -> Facts | None:
    """What a run was of: by its copy, or its run.json; of an earlier version by the file it names, if it is the same.

    None where that is not known.
    """
    try:
        if (folder / TRACE).exists():
            return facts_of(read_trace(folder / TRACE))
        if "workload" in manifest:
            kept: Facts = manifest["workload"]
            return kept
        if not isinstance(config, ProblemConfig):
            return None
        trace = domains.load_source(config.domain, config.instance)
        return facts_of(trace) if manifest.get("config_digest") in known_as(config, [trace.digest()]) else None
    except MamoError:
        return None


def problem_of(
    domain: str, config: Section | None, facts: Facts | None, step_seconds: float | None = None
) -> Iterator[tuple[str, Any]]:
    """The domain and its workload, as far as it is known; a process, or an environment, has none.

    Args:
        domain: its name.
        config: the run's configuration, if this version knows it.
        facts: what is known of the workload.
        step_seconds: a control period of the run, which may be a part of one of the workload's.
    """
    about_one = isinstance(config, ProblemConfig | EvaluateConfig)
    has_workload = domain not in domains.DOMAINS or "trace" in domains.about(domain).SETTINGS.model_fields
    if about_one:
        yield "domain", domain
        yield from _files(config, has_workload)
    if facts is not None:
        agents, rates = facts["agents"], facts["expected_rate_rps"]
        yield f"{len(agents)} agents" if len(agents) > 1 else "agent", ", ".join(agents)
        if has_workload:
            whole = float(facts["step_seconds"])
            cut = "" if step_seconds in (None, whole) else f", each cut into parts of {step_seconds:g} s"
            yield "control periods", f"{facts['steps']} of {whole:g} s{cut}"
            least, most, mean = (shown(float(rates[name])) for name in ("least", "most", "mean"))
            yield "expected rates", f"{least} to {most}, {mean} on average"
        yield from sorted(facts["notes"].items())


def _files(config: Section | None, has_workload: bool) -> Iterator[tuple[str, str]]:
    """Where what is played comes from: a trace, one of each agent's own, a process; an environment has a setting."""
    if isinstance(config, EvaluateConfig):
        if has_workload:
            yield "trace", config.trace or f"what {config.run} is evaluated on"
    elif isinstance(config, ProblemConfig):
        own = {name: getattr(section, "trace", None) for name, section in config.instance.own.items()}
        named = {name: file for name, file in own.items() if file is not None}
        if has_workload and (config.instance.trace or not named):
            yield "trace", config.instance.trace or "the domain's own"
        yield from ((f"trace of {name}", file) for name, file in named.items())
        if process := getattr(config.instance, "process", None):
            yield "process", process
