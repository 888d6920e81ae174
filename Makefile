# Two commands do all the set-up on a machine with Python 3.11+: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
MAMO := $(abspath $(BIN))/mamo
# One thread for each process: mamo cuts its work into processes itself.
export OMP_NUM_THREADS := 1

.PHONY: demo docs manual manual-long test test-lowest test-newest test-faults fuzz mutants reference lint type bench paper clean
FUZZ_RUNS ?= 20000

$(BIN)/mamo: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.dev: $(BIN)/mamo
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: $(BIN)/mamo ## the paper's four experiments, their figures, a closing table, and all of it as one page
	$(MAMO) solve-offline
	$(MAMO) train --alpha 0.1 --alpha 0.9 --seeds 8
	$(MAMO) run-mamo --seeds 8
	$(MAMO) plot
	$(MAMO) runs list
	$(MAMO) report --force

test: $(VENV)/.dev ## lint, types and all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist worksteal

# The suite's core in environments of their own, made of the wheel: no code's warnings are held against it there. Torch
# is held in both, as package indexes keep no light build of other versions.
CORE := tests/core tests/workload tests/solvers tests/analysis tests/plots tests/cli/test_terminal.py \
	tests/cli/test_wheel.py
IN = $(VENV)-$(1)/bin/pip install --quiet --constraint $(VENV)-$(1)/constraints.txt . \
		pytest pytest-xdist hypothesis pacsltk==0.2.0 setuptools && \
	$(VENV)-$(1)/bin/python -m pytest -n auto -m "not slow and not faults" -o filterwarnings=default $(CORE)

test-lowest: ## the suite's core with the lowest versions that pyproject.toml declares
	$(PYTHON) -m venv --clear $(VENV)-lowest
	$(PYTHON) -m tests.lowest > $(VENV)-lowest/constraints.txt
	$(call IN,lowest)

test-newest: ## the same with the newest versions there are
	$(PYTHON) -m venv --clear $(VENV)-newest
	grep ^torch== constraints.txt > $(VENV)-newest/constraints.txt
	$(call IN,newest)

test-faults: $(VENV)/.dev ## 200 random SIGKILLs (minutes): every run ends as if nobody had killed it
	$(BIN)/pytest -m faults -n auto --dist worksteal tests/faults

fuzz: $(VENV)/.dev ## coverage-guided fuzzing of all that reads a file; FUZZ_RUNS inputs each
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[fuzz]"
	set -e; for target in trace importer measurements config checkpoint policy reading; do $(BIN)/python -m tests.fuzz $$target $(FUZZ_RUNS); done

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
	for name in mamo frontier_compared te_agents learning_curves regret offline offline_noise; do \
		cp "$$(ls -t results/*/figures/$$name.png | head -n 1)" docs/; done

manual: $(VENV)/.dev ## the manual as pages in docs/_build/html, made without any network
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --quiet docs docs/_build/html

manual-long: $(VENV)/.dev ## every block of the manual that takes minutes, run as it stands
	$(BIN)/pytest -m manual -n auto --dist worksteal tests/test_manual.py

paper: $(BIN)/mamo ## the four experiments with 20 seeds and longer phases
	$(MAMO) solve-offline
	$(MAMO) train --alpha 0.1 --alpha 0.9 --seeds 20
	$(MAMO) run-mamo --preset paper
	$(MAMO) plot

clean: ## everything that was made, results excepted
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-newest build dist docs/_build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
