# `make demo` and `make test` do all the set-up on a machine that has Python 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint clean

demo: $(VENV)/base
	$(BIN)/python -m hashnets_np demo

test: $(VENV)/test
	$(BIN)/python -m pytest

lint: $(VENV)/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	$(BIN)/ruff check
	$(BIN)/mypy

$(VENV)/base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/test: $(VENV)/base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $@

clean:
	rm -rf $(VENV) build dist figures .pytest_cache .mypy_cache .ruff_cache .hypothesis
