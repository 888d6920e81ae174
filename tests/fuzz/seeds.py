"""What fuzzing starts from: a small corpus of what each target takes, and of what others got wrong."""

import gzip
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np

from mamo_cli.core.settings import to_toml
from mamo_cli.experiments.configs import configured
from mamo_cli.workload.profiles.registry import FORMATS
from tests.fuzz.targets import CONTAINER, KINDS, POLICY
from tests.policies.small import about

HEAD = b"# step_seconds=300\nstep,function,expected_rate,actual_rate\n"
CAPPED = HEAD.replace(b"\n", b"\n# period_steps=2\n", 1).replace(b"actual_rate", b"actual_rate,max_replicas")
TRACES = [
    HEAD + b"0,f0,1.5,2\n0,g,0,0\n1,f0,3e1,.5\n1,g,7,8\n",
    CAPPED + b"0,f,1,1,2\n1,f,2,2,3\n",
    b"\xef\xbb\xbf" + HEAD.replace(b"\n", b"\r\n") + b'0,"f",1,1\r\n',
    HEAD.replace(b",", b";") + b"0;f;1;1\n",
    HEAD + b"0,f,1,000,1e999\n",
    HEAD + b"0,f,\0,nan\n",
]
MEASURED = b"arrival_rate_rps,replicas,rejection_fraction"
MEASUREMENTS = [
    MEASURED + b"\n13.5,5,.25\n0,4.5,0\n2e1,1,1\n",
    b"trace,minute," + MEASURED + b",requests\nb,0,1e308,1,.5,8\na,x,1e-308,1e-9,1,1e15\n",
    MEASURED + b"\n0,1,0\n",
    MEASURED + b"\n1,1001,-0\n1,,nan\n",
]
AZURE = b"HashOwner,HashApp,HashFunction,Trigger," + b",".join(b"%d" % minute for minute in range(1, 1441)) + b"\n"


def _picked(format_name: str, more: int) -> bytes:
    """The two bytes that pick a format and other options; of `more`, 1 is periods of 60 s, 2 of 5 s, 8 rates."""
    return bytes([FORMATS.index(format_name), more])


IMPORTS = [
    _picked("azure-2019", 1) + AZURE + b"o,a,f,http," + b",".join([b"1"] * 1440) + b"\n",
    _picked("requests", 1) + b"time\n0.5\n1\n61\n200\n",
    _picked("auto", 2) + b"app,func,end_timestamp,duration\na,f,10.5,9\na,g,20,1.5\n",
    _picked("requests", 97) + b"timestamp\n2024-10-27 02:17:03.97\n2024-10-27 02:19:04.5\n2024-10-27 02:17:03\n",
    _picked("requests", 97) + b"timestamp\n2024-10-27 02:19\n2204-10-27 02:17:07\n1900-01-01 00:00\n",
    _picked("wide", 9) + b"time,a,b\n0,1.5,2\n60,3,4e1\n120,1,1\n",
    _picked("wide", 41) + b'kind;a\r\n"x\ny";1,5\r\n2;\r\n',
    _picked("auto", 9) + "ts,é\n1700000000,1\n1700000060,2\n".encode("utf-16"),
    _picked("auto", 1) + gzip.compress(b"2024-05-01T00:00:00Z,1\n" * 3, mtime=0),
    _picked("auto", 1) + b'{"timestamp": 1, "input_length": 3, "output_length": "\\ud800"}\n{"timestamp": 99999}\n',
    _picked("auto", 1) + b'h - - [01/Jul/1995:00:00:04 -0400] "GET / HTTP/1.0" 200 8\n' * 2,
    _picked("prometheus", 25) + b'Time,"x_total{a=""b""}"\n1700000000,1\n1700000015,NaN\n1700000030,0\n',
    _picked("locust", 2)
    + b"Timestamp,User Count,Type,Name,Requests/s\n1682349000,1,GET,/,0.5\n1682349005,1,,Aggregated,1\n",
    _picked("auto", 9) + b"50 51,52;53\n",
    _picked("prometheus", 25) + b"Time,x_total\n1700000000,1\n1700000015,2\n\x1f1700000030,\x1f3\n",
    _picked("cloudwatch", 1) + b"PAR1" + bytes(40) + b"PAR1",
]
CONFIGS = [to_toml(configured(kind)).encode() for kind in KINDS] + [
    b'domain = "inventory"\n[instance]\nlevels = 7\n',
    b'domain = "tides"\nstrategy = 7\n',
    b"domain = [1]\nstrategy = {a = 1}\n[instance]\nlevels = 7\n",
    b'seeds = 1e999\nalpha = [nan, -inf]\n[instance]\ntrace = "\\u0000"\n',
    b"phase.epsilon = [[0, 1], [1, 0]]\n[learner]\nhidden = [16]\n",
    b"seeds = 0x" + b"f" * 40 + b"\nx.x.x.x.x = 1979-05-27T07:32:00Z\n",
]


def _pickled() -> bytes:
    with zipfile.ZipFile(CONTAINER) as archive:
        return next(archive.read(entry) for entry in archive.infolist() if entry.filename.endswith("data.pkl"))


CHECKPOINTS = [
    b"\x00" + CONTAINER.getvalue(),
    b"\x01" + _pickled(),
    b"\x00PK\x05\x06" + bytes(18),
    b"\x00\x80\x02}.",
    b"\x01cos\nsystem\n(S'true'\ntR.",
]

ABOUT = about().model_dump_json(indent=1).encode()
POLICIES = [
    b"\x00" + POLICY,
    b"\x01" + ABOUT,
    b"\x01" + ABOUT.replace(b'"greedy"', b'"knapsack"').replace(b"false", b"true"),
    b"\x01" + ABOUT.replace(b"0.01", b"NaN"),
    b"\x01" + ABOUT.replace(b'"version": 1', b'"version": 2'),
    b"\x00" + POLICY[:-30],
    b"\x00PK\x05\x06" + bytes(18),
]

READINGS = [
    b'\x00{"functions": {"f": {"rate_rps": 60.0}, "g": {"rate_rps": 1, "rejection": 0.5, "max_replicas": 2}}}',
    b'\x01{"functions": {"f": {"rate_rps": 6, "counted": 12, "counted_seconds": 30, "rejection": 0}, '
    b'"g": {"rate_rps": 1, "counted": 60.5, "counted_seconds": 30, "rejection": 1}}, '
    b'"memory_mb": 300.5, "time": 1.7e9}',
    b'\x00{"functions": {"f": {"arrived": 9, "rejected": 1, "seconds": 30}, "g": {"rate_rps": NaN}}}',
    b'\x00{"rate_rps": 1e400, "functions": []}',
    b'\x01{"functions": {"f": {"rate_rps": -1, "rejection": true, "x": null}}, "memory_mb": "1e3"}',
    b"\x00" + b"[" * 3000,
]


def _npz(save: Callable[..., None], **changed: Any) -> bytes:
    """Two states and two choices, but for what is changed."""
    rows = np.array([[[0.8, 0.2], [1.0, 0.0]], [[0.0, 1.0], [0.9, 0.1]]])
    arrays = {"transitions": rows, "cost": rows[..., 0], "violations": rows[..., 1]}
    data = BytesIO()
    save(data, **{**arrays, **changed})
    return data.getvalue()


PROCESSES = [
    _npz(np.savez),
    _npz(np.savez_compressed, cost=np.array([[1, 2], [3, 4]], dtype=np.int8)),
    _npz(np.savez, transitions=np.zeros((2, 2, 2))),
    _npz(np.savez, violations=np.full((2, 2), np.nan)),
    _npz(np.savez, cost=np.array([[None, 1.0]] * 2)),
    _npz(np.savez)[:-30],
]

SEEDS: dict[str, list[bytes]] = {
    "trace": TRACES,
    "measurements": MEASUREMENTS,
    "process": PROCESSES,
    "importer": IMPORTS,
    "config": CONFIGS,
    "checkpoint": CHECKPOINTS,
    "policy": POLICIES,
    "reading": READINGS,
}
