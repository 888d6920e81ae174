"""What fuzzing starts from: a small corpus of what each target takes, and of what others got wrong."""

import zipfile

from mamo_cli.core.settings import to_toml
from mamo_cli.experiments.configs import configured
from tests.fuzz.targets import CONTAINER, KINDS

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
AZURE = b"HashOwner,HashApp,HashFunction,Trigger," + b",".join(b"%d" % minute for minute in range(1, 1441)) + b"\n"
IMPORTS = [
    b"\x00" + AZURE + b"o,a,f,http," + b",".join([b"1"] * 1440) + b"\n",
    b"\x01time\n0\n1\n61\n200\n",
    b"\x0aapp,func,end_timestamp,duration\na,f,10.5,9\na,g,20,1.5\n",
    b"\x04timestamp\n2023-11-16 18:17:03.97\n2023-11-16 18:19:04.5\n",
    b"\x02time,a,b\n0,1.5,2\n60,3,4e1\n120,1,1\n",
    b"\x05kind,a\n1,1\n2,2\n",
    b"\x05kind,a\nx,1,000\n",
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

SEEDS: dict[str, list[bytes]] = {
    "trace": TRACES,
    "importer": IMPORTS,
    "config": CONFIGS,
    "checkpoint": CHECKPOINTS,
}
