"""The models of how a node rejects, held to a simulation of its requests, and to measurements not seen before."""

from typing import Any

from mamo_cli.core.errors import UsageError
from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.held_out import HELD_OUT, MEASURED, cell_rows, halves, held_out_rows
from mamo_cli.domains.faas.rejection.measured import fit
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.domains.faas.validation import (
    VALIDATED,
    VALIDATION,
    asked_of,
    held_to_simulation,
    unsafe_warning,
    validated,
    validation_rows,
)
from mamo_cli.experiments.configs import DEFAULT_DOMAIN, ValidateConfig
from mamo_cli.experiments.problem import facts_of
from mamo_cli.experiments.session import HERE, Outcome, Place, open_session, outcome
from mamo_cli.runs.folder import RunFolder
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.tables import write_table
from mamo_cli.workload.measurements import Measurements
from mamo_cli.workload.measurements_csv import read_measurements


def validate_model(config: ValidateConfig, place: Place = HERE) -> Outcome:
    """Hold every model to the simulation; what `mamo validate-model` does.

    Args:
        config: the node, and how finely it is looked at; see `configured`.
        place: where the run is kept.

    Returns:
        The outcome, whose summary has a row for each function and model (`models`), and, where there are measurements,
        one for each model that is held to them (`held_out`).

    Raises:
        MamoError: see its kinds.
    """
    instance = config.instance
    if not isinstance(instance, InstanceConfig):
        raise UsageError(
            f"validate-model is about --domain {DEFAULT_DOMAIN}: {config.domain} has no model of rejection"
        )
    # Measurements are looked at here whatever the node's own model is.
    alone = instance.model_copy(update={"measurements": None})
    trace = domains.load_source(config.domain, alone)
    measured = None if instance.measurements is None else read_measurements(instance.measurements)
    if measured is not None:
        halves(measured)  # else it is refused before anything is written
    content = trace.digest() + ("" if measured is None else measured.digest())
    functions = asked_of(instance, trace, config.rates)
    with open_session("validate-model", f"r{config.rates}", config, content, place) as run:
        if not run.complete:
            run.record(domain=config.domain, seeds=[instance.noise_seed], workload=facts_of(trace))
            held_out = [] if measured is None else _held_out(run, measured, instance)
            model = None if measured is None else fit(measured)
            held = held_to_simulation(functions, model, config.standard_error, instance.noise_seed)
            write_table(run.path / "validation.csv", VALIDATION, (row for one in held for row in validation_rows(one)))
            rows = [validated(one) for one in held]
            for row in rows:
                if (warning := unsafe_warning(row)) is not None:
                    LOGGER.warning("%s", warning)
            write_table(run.path / "summary.csv", VALIDATED, [list(row.values()) for row in rows])
            run.record(summary={"models": _known(rows), "held_out": _known(held_out)})
    return outcome(run)


def _held_out(run: RunFolder, measured: Measurements, instance: InstanceConfig) -> list[dict[str, Any]]:
    """Write what models make of measurements that they have not seen, and what was measured at all."""
    rows = held_out_rows(measured, instance)
    write_table(run.path / "held_out.csv", HELD_OUT, [[row[name] for name in HELD_OUT] for row in rows])
    write_table(run.path / "measured.csv", MEASURED, cell_rows(measured))
    return rows


def _known(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows for run.json, where not-a-number is null."""
    return [{name: None if value != value else value for name, value in row.items()} for row in rows]  # noqa: PLR0124
