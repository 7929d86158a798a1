# `make demo` and `make test` do everything on a fresh machine with Python 3.11 to 3.13.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SOURCES := pyproject.toml constraints.txt
HOSTILE := $(addprefix tests/test_,$(addsuffix .py,\
	kill fuzzing faults resume checkpoints hostile links modelfile npz regular yamlfile cache files\
	languages export))

export PYTHONDONTWRITEBYTECODE = # else each of many processes compiles every module anew

.PHONY: demo test test-fast soak docs-check lint bench bench-drafts bench-forecasting bench-language-models bench-serving bench-storage bench-translation bench-gpu docs picture clean

demo: $(VENV)/installed ## train on an embedded dataset, and look at the result
	$(BIN)/seqtrain train configs/phrases_lstm.yaml training.epochs=6
	$(BIN)/seqtrain predict phrases_lstm \
		"I never thought the plot was dull, and I always thought it was great." \
		"I always thought the plot was dull, and I never thought it was great."
	$(BIN)/seqtrain explain phrases_lstm \
		"I never thought the plot was dull, and I always thought it was great."
	$(BIN)/seqtrain gradients phrases_lstm
	$(BIN)/seqtrain train configs/quickstart.yaml
	$(BIN)/seqtrain evaluate
	@echo; echo "The plots:"
	@$(BIN)/seqtrain plot
	@echo; echo "All of it on one page, for a browser:"
	@$(BIN)/seqtrain report phrases_lstm
	@$(BIN)/seqtrain report
	@echo; echo "next: . $(BIN)/activate, then seqtrain --help, or seqtrain train configs/…"

test: $(VENV)/installed-dev lint ## every test that does not repeat another with other values
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not soak and not docs"

test-fast: $(VENV)/installed-dev ## the tests that need no TensorFlow
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not tf and not slow and not soak"

soak: $(VENV)/installed-dev ## what `make test` leaves out; kill trainings 200 times, try 10,000 files of each kind
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m soak $(filter-out $(HOSTILE),$(wildcard tests/test_*.py))
	SEQTRAIN_KILLS=200 SEQTRAIN_EXAMPLES=10000 $(BIN)/python -m pytest -q -n 2 --dist loadgroup $(HOSTILE)

docs-check: $(VENV)/installed-dev ## run every command of the README
	$(BIN)/python -m pytest -q -m docs

lint: $(VENV)/installed-dev ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed-bench ## every table of docs/performance.md but that of GPUs (SEQTRAIN_DATA_DIR; 2 hours)
	$(BIN)/python -m benchmarks.compare
	$(BIN)/python -m benchmarks.token_speed
	$(BIN)/python -m benchmarks.plans
	$(BIN)/python -m benchmarks.padding
	$(BIN)/python -m benchmarks.quality
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.million
	$(BIN)/python -m benchmarks.threads
	$(BIN)/python -m benchmarks.gaps

bench-drafts: $(VENV)/installed ## what drafts reach on the files in PACKAGES (docs/drafts.md)
	$(BIN)/python -m benchmarks.drafts $(PACKAGES)

bench-forecasting: $(VENV)/installed-dev ## the table of docs/forecasting.md (SEQTRAIN_DATA_DIR; 10 minutes)
	$(BIN)/python -m benchmarks.forecasting

bench-gpu: $(VENV)/installed-bench ## the table of docs/performance.md on a GPU
	$(BIN)/python -m benchmarks.gpu

bench-storage: $(VENV)/installed-dev ## the table of docs/scale.md (SEQTRAIN_STORAGE; 10 minutes)
	$(BIN)/python -m benchmarks.storage

bench-language-models: $(VENV)/installed-dev ## the tables of docs/language-models.md (SEQTRAIN_DATA_DIR; 2 hours)
	$(BIN)/python -m benchmarks.language_models

bench-serving: $(VENV)/installed-dev ## the table of docs/serving.md
	$(BIN)/seqtrain train configs/phrases_lstm.yaml training.epochs=6
	$(BIN)/python -m benchmarks.serving phrases_lstm

bench-translation: $(VENV)/installed-dev ## most of the table of docs/translation.md (SEQTRAIN_DATA_DIR; 2 hours)
	$(BIN)/python -m benchmarks.translation

docs: $(VENV)/installed ## write what is generated from the classes
	$(BIN)/seqtrain schema --markdown > docs/config.md

picture: $(VENV)/installed ## take the picture of a report for the README, with Chromium
	$(BIN)/seqtrain train configs/quickstart.yaml
	$(BIN)/seqtrain report --to report.html
	chromium --headless --no-sandbox --hide-scrollbars --virtual-time-budget=2000 \
		--window-size=1040,1340 --screenshot=docs/report.png report.html
	rm report.html

clean: ## forget the environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python $(SOURCES)
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(PIP) install --quiet --constraint constraints.txt --editable ".[bench]"
	@touch $@
