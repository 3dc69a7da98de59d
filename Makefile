# Two commands do everything: `make demo` and `make test`. Both need only Python 3.11 or newer, make and a package index.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
DATA := experiments/data
GRID := $(DATA)/runs-infolaw.csv
PROXIES := $(DATA)/runs-regmix-buckets.csv
RUNS := $(GRID) $(PROXIES)
DEMO := demo
WHERE := --target loss --where '`epochs:q0` <= 40'
BUDGET := --flops 2.6456e12 --n-params 180992# four times the largest run: what was trained to verify the plan

.PHONY: demo test bench check clean

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.library: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/.developer: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ .venv/.library

demo: .venv/.library
	@mkdir -p $(DEMO)
	@echo "== 1. what was read"
	@$(BIN)/infolaw runs $(RUNS)
	@echo; echo "== 2. which law predicts the largest models, fitted on the smaller ones"
	@$(BIN)/infolaw compare $(GRID) $(WHERE) --holdout largest-n-params:0.3
	@echo; echo "== 3. the best of them on all runs"
	@$(BIN)/infolaw fit $(GRID) $(WHERE) --law repetition --out $(DEMO)/fit.json
	@echo; echo "== 4. the corpus"
	@$(BIN)/infolaw corpus build $(DATA)/pool.csv --out $(DEMO)/corpus.yaml
	@echo; echo "== 5. the plan for four times the compute of the largest run, by these runs and 64 proxies of mixtures together"
	@$(BIN)/infolaw plan $(DEMO)/fit.json $(DEMO)/corpus.yaml $(BUDGET) --surrogate $(PROXIES) \
	  --baseline $(DATA)/today.csv --max-epochs 40 --out $(DEMO)/plan.yaml
	@$(BIN)/infolaw plot extrapolation $(DEMO)/fit.json --out $(DEMO)/extrapolation.png
	@$(BIN)/infolaw fit $(RUNS) $(WHERE) --law infolaw_e --quiet --out $(DEMO)/infolaw_e.json
	@$(BIN)/infolaw plot info $(DEMO)/infolaw_e.json --out $(DEMO)/info.png
	@$(BIN)/infolaw plot residuals $(DEMO)/fit.json --out $(DEMO)/residuals.png
	@$(BIN)/infolaw plot ledger $(DEMO)/plan.yaml --out $(DEMO)/ledger.png
	@echo; echo "== 6. how a plan like it came out when it was trained, beside its rivals ($(DATA)/first_loop.txt)"
	@sed -n '3,11p;13,19p' $(DATA)/first_loop.txt
	@echo; echo "plan:     $(DEMO)/plan.yaml"
	@echo "pictures: $(DEMO)/extrapolation.png $(DEMO)/info.png $(DEMO)/residuals.png $(DEMO)/ledger.png"

test: .venv/.developer
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow"

check: .venv/.developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.developer
	$(BIN)/python benchmarks/fitting.py

clean:
	rm -rf .venv $(DEMO) dist build
