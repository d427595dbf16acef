# make demo   open the demo study in napari (without a display: a screenshot of it)
# make test   the whole test suite; ARGS="tests/test_package.py -k wheel" narrows it; a worker for
#             each core, up to four, who take whole files: WORKERS=0 runs all in one process
#
# Both create the environment first. PYTHON and VENV choose another Python or place.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
WORKERS ?= logical
BIN = $(VENV)/bin
SCREENSHOT = out/demo.png
SCREEN = $(DISPLAY)$(WAYLAND_DISPLAY)
ifneq ($(shell uname -s),Linux)
SCREEN = always there
endif

.PHONY: screenshots demo test lint docs setup system

demo: setup
ifeq ($(strip $(SCREEN)),)
	@echo "No display: opening the demo study on a virtual one"
	@rm -f $(SCREENSHOT) && mkdir -p $(dir $(SCREENSHOT))
	.ci/virtual-screen $(BIN)/python -m napari_parsimony.gui.demo --screenshot $(SCREENSHOT)
	@test -s $(SCREENSHOT) && echo "Screenshot: $(abspath $(SCREENSHOT))"
else
	$(BIN)/python -m napari_parsimony.gui.demo
endif

test: setup
	.ci/virtual-screen $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile --max-worker-restart 0 $(ARGS)

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup
	$(BIN)/python -m pip install -qq -c .ci/constraints.txt --group docs
	$(BIN)/mkdocs build --strict

setup: system $(VENV)/ready

system:
	@PYTHON=$(PYTHON) sh .ci/system-libraries.sh

$(VENV)/ready: pyproject.toml .ci/constraints.txt | system
	@echo "Creating the environment in $(VENV): a few minutes"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --upgrade "pip>=25.1" # the first with dependency groups
	@$(BIN)/python -m pip install -qq -c .ci/constraints.txt -e ".[napari]" --group dev
	@touch $@

screenshots: setup
	.ci/virtual-screen $(BIN)/python docs/make_screenshots.py
