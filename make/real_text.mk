# Mistakes in text that is not iGSM: `make real-text JOBS=2`. A run is four minutes of one idle core; there are 35.
REAL_TEXT := $(RUNS)/real_text
REAL_TEXT_SEEDS ?= 1 2 3 4 5
REAL_TEXT_ARMS ?= none weak-0.1 weak-0.5 weak-checked-0.1 weak-checked-0.5 shuffle-0.1 shuffle-0.5
REAL_TEXT_RUNS := $(foreach seed,$(REAL_TEXT_SEEDS),$(REAL_TEXT_ARMS:%=$(REAL_TEXT)/%-seed$(seed)/answers.json))

.PHONY: real-text
real-text: setup ## mistakes in word problems that are not iGSM: 2.5 core-hours; JOBS=2 on two cores; goes on where it stopped; fewer: REAL_TEXT_SEEDS="1 2"
	@mkdir -p $(REAL_TEXT)/data $(REAL_TEXT)/logs
	@cd $(REAL_TEXT)/data && for part in train:30000:1 test:1000:2; do set -- $$(echo $$part | tr : ' '); \
	  [ -f $$1.jsonl ] || $(abspath $(BIN))/mistakes text stories --out $$1.jsonl --rows $$2 --seed $$3 || exit 1; done
	@cd $(REAL_TEXT)/data && for arm in weak-0.5 $(REAL_TEXT_ARMS); do [ -f $$arm.jsonl ] && continue; \
	  case $$arm in none) kind=weak rate=0;; *) kind=$${arm%-*} rate=$${arm##*-};; esac; \
	  $(abspath $(BIN))/mistakes inject train.jsonl --to segments --kind $$kind --rate $$rate --out $$arm.jsonl || exit 1; done
	@OMP_NUM_THREADS=1 $(MAKE) --no-print-directory --keep-going --jobs=$(JOBS) $(REAL_TEXT_RUNS)
	$(BIN)/mistakes text table $(dir $(REAL_TEXT_RUNS)) --against none --out $(REAL_TEXT)/table

# One run, "weak-0.5-seed1"; what it says of its progress goes to a log. There once its answers are.
$(REAL_TEXT)/%/answers.json:
	@arm=$*; arm=$${arm%-seed*}; seed=$*; seed=$${seed##*-seed}; log=$(REAL_TEXT)/logs/$*.log; echo "start: $* (log: $$log)"; \
	  $(BIN)/mistakes text train configs/text/stories.yaml seed=$$seed data.seed=$$seed \
	    data.source=$(REAL_TEXT)/data/$$arm.jsonl data.vocabulary_of=[$(REAL_TEXT)/data/weak-0.5.jsonl] \
	    data.held_out=$(REAL_TEXT)/data/test.jsonl --out $(REAL_TEXT)/$* 2>> $$log || { tail -n 3 $$log; exit 1; }
