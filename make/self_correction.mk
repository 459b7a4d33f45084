# Does a model notice, find and repair mistakes (docs/self_correction.md)? On models that another target has trained: those
# of `make evidence`, or SCORED="RUN ...", e.g. SCORED="$(ls -d runs/methods_one_start/trio_pq-tuned-{trained-on,retry-0.2}-seed?)".
SCORED_ARMS := original retry-0.2 retry-0.5 retry-0.5-masked retry-weak-0.2 retry-weak-0.5 continued-pretrain-a-tenth-retry-0.2
SCORED ?= $(wildcard $(SCORED_ARMS:%=$(RUNS)/evidence/trio_pq-%-seed?))
SCORED_CELLS ?= op=6,op=7
SCORED_PROBLEMS ?= 256

.PHONY: self-correction
self-correction: setup ## planted and own mistakes, what BACK is worth, weak slices and the scorecard of models that are trained; goes on where it stopped
	@test -n "$(strip $(SCORED))" || { echo "make: no models in $(RUNS)/evidence: make evidence first, or SCORED=\"RUN ...\"" >&2; exit 2; }
	@mkdir -p $(RUNS)/self_correction
	$(BIN)/mistakes recover $(SCORED) --cells $(SCORED_CELLS) --n $(SCORED_PROBLEMS) --out $(RUNS)/self_correction/recover
	$(BIN)/mistakes confidence $(SCORED) --cells $(SCORED_CELLS) --n $(SCORED_PROBLEMS) --bias=-4,0,4 --out $(RUNS)/self_correction/confidence
	$(foreach cell,$(subst $(comma), ,$(SCORED_CELLS)),$(BIN)/mistakes search $(SCORED) --cell $(cell) &&) true
	$(BIN)/mistakes scorecard $(SCORED) --cells all --out $(RUNS)/self_correction/scorecard

comma := ,
