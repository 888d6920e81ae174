"""What domains rest on that others published; what everything else does is in `experiments/sources.py`."""

from typing import NamedTuple


class Source(NamedTuple):
    """A publication, and where it is used.

    Attributes:
        of: what rests on it.
        citation: whose it is.
        module: the one whose text names it.
        setting: the dotted place in a configuration that decides whether it is used, or `command`; under `learner`
            that of any DQN of ours that learns.
        values: what stands there then; empty for anything but nothing.
    """

    of: str
    citation: str
    module: str
    setting: str
    values: tuple[str, ...] = ()


OF_DOMAINS = (
    Source(
        "how the node rejects",
        "N. Mahmoudi and H. Khazaei: Performance Modeling of Serverless Computing Platforms, IEEE Transactions on "
        "Cloud Computing (2020)",
        "mamo_cli.domains.faas.rejection.serverless",
        "instance.rejection_model",
        ("serverless",),
    ),
    Source(
        "the fit of what was measured", "Spouge, Wan and Wilbur (2003): least-squares isotonic regression in two "
        "dimensions", "mamo_cli.domains.faas.rejection.isotonic", "instance.rejection_model", ("measured",),
    ),
    Source(
        "the shield's upper bound of the rate",
        "F. Garwood: Fiducial Limits for the Poisson Distribution, Biometrika (1936)",
        "mamo_cli.domains.faas.shield",
        "instance.shield",
    ),
    Source(
        "the world", "Sutton and Barto, example 3.5", "mamo_cli.domains.tabular.gridworld", "domain", ("gridworld",)
    ),
    Source(
        "Knative's autoscaler",
        'Knative documentation, "Additional autoscaling configuration for Knative Pod Autoscaler"; knative/serving',
        "mamo_cli.domains.faas.baselines.knative",
        "command",
        ("baselines",),
    ),
    Source(
        "Kubernetes' autoscaler",
        'Kubernetes documentation, "Horizontal Pod Autoscaling"; kubernetes/kubernetes',
        "mamo_cli.domains.faas.baselines.kubernetes",
        "command",
        ("baselines",),
    ),
    Source(
        "OpenFaaS' autoscalers",
        'OpenFaaS documentation, "Auto-scaling your functions"; openfaas/faas-netes',
        "mamo_cli.domains.faas.baselines.openfaas",
        "command",
        ("baselines",),
    ),
)  # fmt: skip
