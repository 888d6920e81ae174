"""A run's tables as event files for TensorBoard, a folder a member, so that it draws all members in one plot.

| table | tags | a step is |
|---|---|---|
| `training.csv` | `training/COLUMN` | an environment step |
| `cycles.csv` | `cycles/COLUMN` | a cycle |
| `evaluation.csv` | `evaluation/COLUMN` | a period |

With several agents, the name of one comes after the column. A member is a seed, and in a run of `mamo train` an alpha.
Numbers are those of the tables, rounded to float32, the only kind that all versions of TensorBoard draw; a blank, which
a diverged member has, is no event. A table does not say when a row was written: every event bears the time at which the
run began, so the same run gives the same bytes.
"""

import io
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mamo_cli.analysis.run_tables import AGENT, ALPHA, read_heads, read_run_table, read_words
from mamo_cli.core.errors import UsageError
from mamo_cli.core.settings import read_toml
from mamo_cli.core.words import Words
from mamo_cli.runs.folder import CONFIG
from mamo_cli.runs.manifest import read_manifest

STEPS = {"training": "env_steps", "cycles": "cycle", "evaluation": "step"}
"""The column that counts the steps of each table."""
TOLD = ("domain", "strategy", "te", "readout")
"""What of the configuration stands in the table of hyperparameters, beside the member's seed and alpha."""

DT_FLOAT = 1
"""Float32, as TensorBoard's messages number it."""

Row = Mapping[Any, Any]


def event_files(run: Path) -> dict[Path, bytes]:
    """The files' bytes by their paths below the folder that TensorBoard is to look at.

    Args:
        run: folder of a train or run-mamo run that has ended.

    Raises:
        UsageError: tensorboard is not installed.
        DataError: a table is missing or broken.
    """
    manifest, words = read_manifest(run), read_words(run)
    began = datetime.fromisoformat(manifest["starts"][0]["started"]).timestamp()
    fixed = words.each(ALPHA) if manifest["command"] == "train" else ()
    config = read_toml(run / CONFIG)
    told = {name: config[name] for name in TOLD if name in config}
    members: dict[str, Events] = {}
    for table, step in STEPS.items():
        if table == "cycles" and manifest["command"] == "train":
            continue
        heads = read_heads(run, f"{table}.csv")
        columns = [name for name in heads if name not in {"seed", "iteration", step, AGENT, *fixed}]
        rows = read_run_table(run, f"{table}.csv", heads).to_dict("records")
        several = len({row[AGENT] for row in rows if AGENT in row}) > 1
        for row in rows:
            who = {name: row[name] for name in ("seed", *fixed)}
            name = "-".join(f"{one}{value}" for one, value in who.items())
            if name not in members:
                members[name] = Events(began, name, {**who, **told}, words)
            members[name].add(table, row, columns, f"/{row[AGENT]}" if several else "")
    file = f"events.out.tfevents.{began:.0f}.mamo"
    return {Path(name, file): events.data() for name, events in members.items()}


class Events:
    """The events of one member."""

    def __init__(self, began: float, name: str, told: Row, words: Words) -> None:
        """Begin a file.

        Args:
            began: when the run did, Unix time in s.
            name: of the member.
            told: its hyperparameters.
            words: of the domain.

        Raises:
            UsageError: tensorboard is not installed.
        """
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
            from tensorboard.plugins.hparams.summary_v2 import hparams_pb
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ModuleNotFoundError as error:
            raise UsageError(
                f"--format tensorboard needs TensorBoard ({error}): pip install 'mamo[tensorboard]'"
            ) from error
        self._event, self._began, self._words = Event, began, words
        self._bytes, self._described = io.BytesIO(), set[str]()
        self._writer = RecordWriter(self._bytes)
        summary = hparams_pb(dict(told), trial_id=name, start_time_secs=began)
        plugin = summary.value[0].metadata.plugin_data
        plugin.content = HParamsPluginData.FromString(plugin.content).SerializeToString(deterministic=True)
        self._write(file_version="brain.Event:2")
        self._write(summary=summary)

    def add(self, table: str, row: Row, columns: Sequence[str], agent: str) -> None:
        """Take in the numbers of a row."""
        event = self._event(wall_time=self._began, step=int(row[STEPS[table]]))
        for column in columns:
            if not math.isnan(row[column]):
                tag = f"{table}/{column}{agent}"
                value = event.summary.value.add(tag=tag)
                value.tensor.dtype = DT_FLOAT
                value.tensor.tensor_shape.SetInParent()  # none: a scalar
                value.tensor.float_val.append(row[column])
                if tag not in self._described:
                    self._described.add(tag)
                    value.metadata.plugin_data.plugin_name = "scalars"
                    value.metadata.summary_description = described(column, STEPS[table], self._words)
        self._writer.write(event.SerializeToString(deterministic=True))

    def data(self) -> bytes:
        """The file."""
        return self._bytes.getvalue()

    def _write(self, **content: Any) -> None:
        event = self._event(wall_time=self._began, **content)
        self._writer.write(event.SerializeToString(deterministic=True))


def described(column: str, step: str, words: Words) -> str:
    """What a column is, with its unit, and what a step counts."""
    labels = {one.name: one.label for one in (*words.measures, *words.violations)}
    labels |= {one.name: f"{words.control}, {one.label}" for one in words.conditions}
    means = {"mean_cost": words.cost, "train_cost": words.cost, "eval_cost": words.cost}
    plain = column.removeprefix("mean_").removeprefix("train_").removeprefix("eval_")
    label = means.get(column) or labels.get(plain, column)
    return f"{' '.join(label.split())}; a step is that of the column {step}"
