# Sweeps: `make figure4`, on a GPU box with GPUS=0,1,2,3, on a cluster with RUN=scripts/sbatch_wait.sh JOBS=16.
# SWEEP= takes more options of `mistakes sweep`, e.g. SWEEP=--dry-run.
GPUS ?=
JOBS ?= 1
SWEEP ?=
SWEEPS := $(filter-out demo evidence,$(basename $(notdir $(wildcard configs/sweeps/*.yaml))))

.PHONY: $(SWEEPS) evidence figures test-slurm test-browser test-triton

figures: ## list the paper's figures and our sweeps, each a target of its own
	@grep -H '^title:' configs/sweeps/*.yaml | sed 's|configs/sweeps/\(.*\).yaml:title: |  \1: |'

$(SWEEPS): setup
	$(BIN)/mistakes sweep configs/sweeps/$@.yaml --root $(RUNS) --run "$(RUN)" --jobs $(JOBS) $(if $(GPUS),--gpus $(GPUS)) $(SWEEP)

evidence: setup ## the paper's findings over training seeds, at the demo's size: 34 core-hours of training at 48,000 tokens/s; JOBS=2 on two cores; goes on where it stopped
	$(BIN)/mistakes sweep configs/sweeps/evidence.yaml --root $(RUNS) --run "$(RUN)" --jobs $(JOBS) $(if $(GPUS),--gpus $(GPUS)) $(SWEEP)
	$(BIN)/mistakes findings configs/sweeps/evidence.yaml --root $(RUNS)

test-slurm: setup ## the SLURM wrapper on a real one-node SLURM (Debian: apt-get install slurm-wlm)
	$(BIN)/pytest -m slurm tests/sweeps

test-browser: setup ## the report page in headless Chromium (Debian: apt-get install chromium)
	$(BIN)/pytest -m browser tests/reporting

test-triton: setup ## the CUDA attention kernel without a GPU: interpreted, and compiled for Hopper (a wheel of 286 MB)
	$(BIN)/pip install -q --no-deps --upgrade --target build/triton "triton>=3.9"
	PYTHONPATH=build/triton $(BIN)/pytest -m triton tests/decoding
