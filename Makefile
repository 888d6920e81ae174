# Two commands do all the set-up on a machine with Python 3.11+: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
MAMO := $(abspath $(BIN))/mamo
# One thread for each process: mamo cuts its work into processes itself.
export OMP_NUM_THREADS := 1

.PHONY: demo docs test test-faults fuzz mutants reference lint type bench paper clean
FUZZ_RUNS ?= 20000

$(BIN)/mamo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.dev: $(BIN)/mamo
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: $(BIN)/mamo ## the paper's four experiments, their figures and a closing table
	$(MAMO) solve-offline
	$(MAMO) train --alpha 0.1 --alpha 0.9 --seeds 8
	$(MAMO) run-mamo --seeds 8
	$(MAMO) plot
	$(MAMO) runs list

test: $(VENV)/.dev ## lint, types and all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist worksteal

test-faults: $(VENV)/.dev ## 200 random SIGKILLs (minutes): every run ends as if nobody had killed it
	$(BIN)/pytest -m faults -n auto --dist worksteal tests/faults

fuzz: $(VENV)/.dev ## coverage-guided fuzzing of all that reads a file; FUZZ_RUNS inputs each
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[fuzz]"
	set -e; for target in trace importer config checkpoint; do $(BIN)/python -m tests.fuzz $$target $(FUZZ_RUNS); done

mutants: $(VENV)/.dev ## would the tests notice if a formula were wrong? (half an hour) What none notices: tests/mutants/survivors.md
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[mutants]"
	nice -n 15 $(BIN)/python -m tests.mutants

reference: $(VENV)/.dev ## the learner on the field's own problems: CartPole, Acrobot, the Blind Cliffwalk
	$(BIN)/python -m benchmarks.reference

lint: $(VENV)/.dev ## style, and only style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(VENV)/.dev ## static types
	$(BIN)/mypy

bench: $(VENV)/.dev ## ours against its peers, in one run
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[bench]"
	$(BIN)/python -m benchmarks

docs: demo ## the README's figures, from the newest runs
	mkdir -p docs
	for name in mamo frontier_compared te_agents regret offline offline_noise; do \
		cp "$$(ls -t results/*/figures/$$name.png | head -n 1)" docs/; done

paper: $(BIN)/mamo ## the four experiments with 20 seeds and longer phases
	$(MAMO) solve-offline
	$(MAMO) train --alpha 0.1 --alpha 0.9 --seeds 20
	$(MAMO) run-mamo --preset paper
	$(MAMO) plot

clean: ## everything that was made, results excepted
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
