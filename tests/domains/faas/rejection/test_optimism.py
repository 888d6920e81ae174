import numpy as np

from mamo_cli.domains.faas.rejection.models import ErlangModel, RejectionModel, ServerlessModel
from mamo_cli.domains.faas.rejection.optimism import optimism_warning
from mamo_cli.domains.faas.rejection.table import build_table

REFERENCE = ServerlessModel(0.065, 0.25, 60.0)
SHORT = ServerlessModel(0.1, 0.25, 0.05)


def warning_for(models: list[RejectionModel], max_replicas: int = 10, max_rate_rps: float = 108.0) -> str | None:
    return optimism_warning(models, build_table(models, max_replicas, max_rate_rps), ["resize", "ocr", "mail"])


def test_reference_instance_is_within_3e_4_of_erlang_and_warns_of_nothing():
    rates = np.linspace(8.0, 108.0, 5000)  # 50 +- 40 requests/s with 20 % noise
    gap = ErlangModel(0.065).rejection_probability(rates, 10) - REFERENCE.rejection_probability(rates, 10)
    assert 0.0 < gap.max() < 3e-4
    assert warning_for([REFERENCE]) is None


def test_short_timeout_warns_with_the_worst_point_and_the_safe_choices():
    warning = warning_for([SHORT], max_rate_rps=100.0)
    assert warning is not None
    assert "idle timeout of 0.05 s" in warning
    assert warning.endswith("--rejection-model simulation or erlang is the safe choice")
    # The gap is widest at the top rate: Erlang-B at load 10 with 2 replicas is 50 / (1 + 10 + 50) = 0.820.
    assert "at 100 requests/s and 2 replicas it gives 0.025, below the 0.820 of Erlang-B" in warning


def test_one_warning_names_the_worst_function():
    warning = warning_for([REFERENCE, SHORT, ServerlessModel(0.1, 0.25, 1.0)])
    assert warning is not None
    assert "for function ocr " in warning
    assert warning.count("Erlang-B") == 1


def test_models_of_other_kinds_are_passed_over():
    assert warning_for([ErlangModel(0.1)]) is None
