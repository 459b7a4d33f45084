# Mistakes in text that is not iGSM: `make real-text`. An arm is eight minutes of one idle core; all are 35.
REAL_TEXT := $(RUNS)/real_text
REAL_TEXT_SEEDS ?= 1 2 3 4 5
REAL_TEXT_ARMS ?= none weak-0.1 weak-0.5 weak-checked-0.1 weak-checked-0.5 shuffle-0.1 shuffle-0.5

.PHONY: real-text
real-text: setup ## mistakes in word problems that are not iGSM: 5 core-hours; goes on where it stopped; fewer: REAL_TEXT_SEEDS="1 2"
	@mkdir -p $(REAL_TEXT)/data
	@cd $(REAL_TEXT)/data && for part in train:30000:1 test:1000:2; do set -- $$(echo $$part | tr : ' '); \
	  [ -f $$1.jsonl ] || $(abspath $(BIN))/mistakes text stories --out $$1.jsonl --rows $$2 --seed $$3 || exit 1; done
	@cd $(REAL_TEXT)/data && for arm in weak-0.5 $(REAL_TEXT_ARMS); do [ -f $$arm.jsonl ] && continue; \
	  case $$arm in none) kind=weak rate=0;; *) kind=$${arm%-*} rate=$${arm##*-};; esac; \
	  $(abspath $(BIN))/mistakes inject train.jsonl --to segments --kind $$kind --rate $$rate --out $$arm.jsonl || exit 1; done
	@for seed in $(REAL_TEXT_SEEDS); do for arm in $(REAL_TEXT_ARMS); do \
	  $(BIN)/mistakes text train configs/text/stories.yaml seed=$$seed data.seed=$$seed \
	    data.source=$(REAL_TEXT)/data/$$arm.jsonl data.vocabulary_of=[$(REAL_TEXT)/data/weak-0.5.jsonl] \
	    data.held_out=$(REAL_TEXT)/data/test.jsonl --out $(REAL_TEXT)/$$arm-seed$$seed || exit 1; done; done
	$(BIN)/mistakes text table $(REAL_TEXT)/*-seed* --against none
