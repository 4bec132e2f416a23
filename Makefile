# Everything starts here: `make help` lists the commands.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Whatever the environment says, Python keeps what it has compiled: else each process compiles all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install up down demo test check format formats bench bench-train bench-eval bench-pictures bench-separators bench-remix bench-library bench-long bench-desk bench-start bench-scale bench-mute endure audit lock clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

install: $(INSTALLED)  ## set up everything into .venv (done by the other commands when needed)

# The versions are those of requirements.lock; a second time nothing is installed unless the lists changed.
$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "varemix needs Python 3.11 to 3.13; $$($(PYTHON) --version) was found. Try: make install PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint requirements.lock --editable '.[test]'
	@touch $(INSTALLED)

up: install  ## start the Prefect server and workers on this host; twice changes nothing
	@$(BIN)/varemix up

down: install  ## stop them
	@$(BIN)/varemix down

demo: install  ## run the main job, the nightly flow, on the example in demo/
	@$(BIN)/python -m demo.run

test: install  ## run all tests, in two processes
	@$(BIN)/python -m pytest -n 2 --no-loadscope-reorder --durations=15

check: install  ## look at the code: format, lint, types, and which room imports which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_house.py

format: install  ## bring the code into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install  ## time how fast masks are made, beside plain PyTorch (and HTDemucs where it is installed)
	@$(BIN)/python -m benchmarks.hearing

bench-train: install  ## time how fast training is, beside a plain loader and the network alone
	@$(BIN)/python -m benchmarks.training

bench-eval: install  ## time how fast scores are made, beside mir_eval
	@$(BIN)/python -m benchmarks.evaluation

bench-pictures: install  ## measure how well pictures are told apart: PHOTOS, STRANGERS (folders by kind), STILLS if there are
	@$(BIN)/python -m benchmarks.recognition --photos "$(PHOTOS)" --strangers "$(STRANGERS)" $(if $(STILLS),--stills "$(STILLS)")

bench-separators: install  ## measure what masks made of stems cost: SOUNDS, a folder with its lists
	@$(BIN)/python -m benchmarks.separators --sounds "$(SOUNDS)"

bench-remix: install  ## time how fast recordings are remixed from stored masks, beside FFmpeg's filter
	@$(BIN)/python -m benchmarks.remixing

bench-library: install  ## time what a remix of ten thousand short recordings costs beside the signal work
	@$(BIN)/python -m benchmarks.library

bench-desk: install  ## time how soon the remix desk sounds
	@$(BIN)/python -m benchmarks.desk

bench-mute: install  ## measure what a mute reaches beside what its masks promise: SOUNDS (a folder); the desk tells by it
	@$(BIN)/python -m benchmarks.mute_depth --sounds "$(SOUNDS)"

bench-start: install  ## time how long a person waits for each command, and measure the memory of a library's remix
	@$(BIN)/python -m benchmarks.start

bench-long: install  ## measure how much memory a recording of eight hours takes, masks included
	@$(BIN)/python -m benchmarks.long

bench-scale: install  ## measure what grows with a library: tables, runs, masks; docs/scale.md says what it means
	@$(BIN)/python -m benchmarks.scale tables
	@$(BIN)/python -m benchmarks.scale runs
	@$(BIN)/python -m benchmarks.scale storage

endure: install  ## kill a remix of a library at 50 random moments, and compare with an undisturbed one
	@$(BIN)/python -m benchmarks.endurance

audit: install  ## look at what is installed: pinned, fitting, licences, and known weaknesses where a service can be asked
	$(BIN)/python -m pytest -q tests/test_dependencies.py
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	@$(BIN)/pip-audit --progress-spinner off --disable-pip --no-deps -r requirements.lock || \
	  { echo "Known weaknesses were found, or the service that knows them could not be asked: the lines above say which."; \
	    echo "Without an answer nothing is known about them; run this again where https://pypi.org/pypi can be reached."; exit 1; }

formats: install  ## write docs/formats.md, what becomes of each kind of file, from what really happens
	@$(BIN)/python -m benchmarks.formats

lock: install  ## write the newest versions that fit pyproject.toml into requirements.lock
	$(BIN)/python -m pip install --quiet --quiet uv  # which else tells the addresses of indexes
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --all-extras --no-header --no-annotate pyproject.toml -o requirements.lock

clean:  ## remove the installation and what the demonstration made
	rm -rf $(VENV) data/demo
