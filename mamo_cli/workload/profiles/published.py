"""Published traces: what their files look like, and what to cite."""

from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.profiles.profile import Profile, always, has

AZURE_2019_IDENTITY = ("HashOwner", "HashApp", "HashFunction")

PROFILES = (
    Profile(
        "azure-2019",
        "invocations a minute, a row a function; any run of minutes",
        has(*AZURE_2019_IDENTITY, "Trigger"),
        always(Meaning(values="count", functions=AZURE_2019_IDENTITY, ignored=("Trigger",), period_s=60)),
        "Shahrad et al., Serverless in the Wild, USENIX ATC 2020; AzurePublicDataset, CC-BY 4.0",
    ),
    Profile(
        "mooncake",
        "requests to a language model, in milliseconds from the start",
        has("timestamp", "input_length", "output_length"),
        always(Meaning(values="requests", time="timestamp", time_unit="ms")),
        "Qin et al., Mooncake, USENIX FAST 2025; kvcache-ai/Mooncake, Apache-2.0",
    ),
)
