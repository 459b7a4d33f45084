# The experiment suite. `make` alone lists the targets.
# RUN= is put before every command of a sweep: `make figure4 RUN="srun --gpus=1"`, or RUN=scripts/sbatch_wait.sh on a cluster.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?=
RUNS ?= runs

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint format docs gpu-check gpu-bench gpu-wheels gpu-quarter bench fuzz clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'
	@echo "and a figure of the paper or a sweep of ours each:"
	@echo "  $(SWEEPS)"

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,hf]'
	@touch $@

setup: $(VENV)/installed ## make the environment in .venv

# On a CUDA machine the two arms at lite size, one after the other; else at trio size, one on each of two cores.
DEMO := $(if $(shell nvidia-smi -L 2>/dev/null | grep '^GPU '),demo_gpu,demo)

demo: setup ## train with and without mistakes at a size for a laptop, and say what it shows
	@mkdir -p $(RUNS)/demo
	$(BIN)/mistakes sweep configs/sweeps/$(DEMO).yaml --root $(RUNS) --run "$(RUN)" --jobs $(if $(filter demo,$(DEMO)),2,1)
	$(BIN)/mistakes findings configs/sweeps/$(DEMO).yaml --root $(RUNS)
	@echo "Page and pictures: $(RUNS)/demo/reports/$(DEMO)/index.html"

test: setup ## lint, types and the tests (minutes on two cores)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@echo "compiling the generator (a minute or two after a change of it)"
	@$(BIN)/python -c "from igsm.corpus import blocks, config; blocks.prepare(config.DataConfig())"
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

test-slow: setup ## the slow tests as well
	$(BIN)/pytest -m 'slow and not gpu' --timeout 1800

lint: setup ## ruff and mypy only
	$(BIN)/ruff check .
	$(BIN)/mypy

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup ## the documentation as a site: build/site/index.html
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[docs]'
	$(BIN)/zensical build --strict

# With an environment that is there already, e.g. on a node without network: make gpu-check SETUP= BIN=/path/to/bin
SETUP ?= setup

gpu-check: $(SETUP) ## the tests that need a CUDA device
	$(RUN) $(BIN)/python3 -m pytest -m gpu

gpu-bench: $(SETUP) ## training and decoding speed on this machine's GPU beside their baselines
	$(RUN) $(BIN)/python3 -m cli.main bench train --speed $(RUNS)/speed.yaml
	$(RUN) $(BIN)/python3 -m cli.main bench decode --layers 12 --heads 12 --op 20 --problems 1024 --batch 256 \
		--decoders greedy,beam4,beam16,beam32,regret-p --speed $(RUNS)/speed.yaml

# For a GPU lent for a quarter of an hour, without network: first gpu-wheels here, then gpu-quarter there, with the Python
# that it has. Results lie in $OUT, or runs/gpu_quarter.
SECONDS_LENT ?= 570

gpu-wheels: $(SETUP) ## download the packages that gpu-quarter carries
	$(BIN)/python3 -m benchmarks.gpu_quarter --fetch

gpu-quarter: ## all that a GPU can show in minutes: correctness, speeds, two models; stops by itself
	$(PYTHON) -m benchmarks.gpu_quarter --seconds $(SECONDS_LENT)

bench: setup ## generator and grader speed on this machine
	$(BIN)/mistakes bench generate
	$(BIN)/mistakes bench grade

fuzz: setup ## ten minutes of coverage-guided fuzzing of the grader
	$(BIN)/pip install --quiet -e '.[fuzz]'
	$(BIN)/python benchmarks/fuzz_grader.py -max_total_time=600 -max_len=4096

clean: ## remove caches (not runs)
	rm -rf .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

-include make/sweeps.mk make/real_text.mk make/self_correction.mk
