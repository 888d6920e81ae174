"""Run folders laid out by hand, as a process would leave them on its way."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

STARTED = "2026-11-26T14:00:00+00:00"
CYCLES = "seed,cycle,alpha,train_cost,train_rejection,eval_cost,eval_replicas,eval_rejection,feasible"
TRAINING = "seed,alpha,iteration,env_steps,epsilon,loss,mean_reward,mean_cost,mean_replicas,mean_rejection"
MAMO = """seeds = 3
[instance]
tolerance = 0.05
[phase]
iterations = 2
iteration_steps = 4
environments = 5
[adaptation]
cycles = 10
"""
TRAIN = MAMO.replace("seeds = 3", "seeds = 3\nalpha = [0.1, 0.9]").replace("iterations = 2", "iterations = 40")


def planted(folder: Path, command: str = "run-mamo", status: str = "interrupted", config: str = MAMO, **facts) -> Path:
    """A run of three seeds, which by default nobody works in any more."""
    folder.mkdir()
    manifest = {
        "command": command,
        "status": status,
        "started": STARTED,
        "starts": [{"started": STARTED, "argv": [command]}],
        "domain": "faas",
        "seeds": [0, 1, 2],
        "limits": {"rejection": [0.05]},
    }
    (folder / "run.json").write_text(json.dumps({**manifest, **facts}))
    (folder / "config.toml").write_text(config)
    return folder


def append(path: Path, head: str, rows: Sequence[str], at_s: float | None = None) -> None:
    """Add rows to a table, under its head where it is new; at a time of the file system's clock, if given."""
    text = "".join(f"{row}\n" for row in rows)
    with path.open("a") as file:
        file.write(text if file.tell() else f"{head}\n{text}")
    if at_s is not None:
        os.utime(path, (at_s, at_s))


def iterations(*numbers: int, seeds: Sequence[int] = (0, 1, 2), alpha: float = 0.5) -> list[str]:
    """Rows of training.csv as a round leaves them: member after member."""
    return [f"{seed},{alpha},{i},{20 * (i + 1)},0,0,0,{0.1 * seed + i},1,0.1" for seed in seeds for i in numbers]
