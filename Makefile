# make book    builds the book, every cell executed, and says where to open it
# make test    everything that must hold: ruff, mypy, the strict book, pytest, every exercise notebook
# make serve   the built book at http://127.0.0.1:8000
# make colab   every notebook with Google Colab's own versions, where Python 3.12 or 3.13 is found
# make screenshots  pictures of the built book in _build/screenshots, wide and phone, light and dark
# make catalogs  every translatable sentence of the pages and the code, in _build/gettext
# make bench   speed and memory, each beside its target (the last part, a class of 200, takes a while)
# make marks   the long results, into tests/marks.json
# make clean   deletes the built book and every cache (delete .venv by hand for a new environment)
#
# All that is needed is Python 3.11-3.13 with venv and pip; the first call makes .venv.

# What is installed of lmlib. PyTorch is taken from TORCH_INDEX, its CPU build of 200 MB, where that
# index answers; otherwise from where pip looks, which on Linux may bring CUDA's gigabytes with it.
EXTRAS ?= book,figures,data,grading,dev,chinese,torch
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$python && break; done)
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

comma := ,
INSTALLED := .venv/.installed-$(subst $(comma),-,$(EXTRAS))

.PHONY: book test test-pages test-rest serve catalogs colab screenshots bench marks env clean pages checks

book: env pages
	@echo "The book is built. Open file://$(CURDIR)/_build/html/index.html"

test: env .venv/.kenlm
	@$(MAKE) --no-print-directory --jobs=2 test-pages test-rest

# What looks at the built pages.
PAGES := tests/browser tests/test_book_build.py tests/test_catalogs.py tests/test_colab_notebooks.py \
	tests/test_search.py exercises/solutions

# Two run side by side: threads of one would only wait for the other.
PYTEST := OMP_NUM_THREADS=1 .venv/bin/python -m pytest -q -p lmlib.grading.nbval_plugin --nbval

test-pages: pages
	@$(MAKE) --no-print-directory catalogs
	@echo "== pytest: the pages, how they are built, the solutions"
	@$(PYTEST) $(PAGES)

test-rest: checks
	@echo "== pytest: all else, with every exercise"
	@$(PYTEST) $(PAGES:%=--ignore=%) lmlib tests exercises

serve: book
	@echo "== http://127.0.0.1:8000 (Ctrl-C ends it)"
	@.venv/bin/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

# Sphinx reads Jupyter Book's configuration from a conf.py, which is written for the occasion.
catalogs: env
	@echo "== catalogs for translators: _build/gettext"
	@rm -rf _build/gettext
	@trap 'rm -f conf.py' EXIT INT TERM; .venv/bin/jupyter-book config sphinx . >/dev/null && \
		PYTHONPATH=chapters/_ext .venv/bin/sphinx-build -q -W -n --keep-going -b gettext \
		-d _build/.doctrees-gettext . _build/gettext
	@.venv/bin/python chapters/_ext/catalogs.py _build/gettext/lmlib.pot lmlib chapters/_ext

# One Python alone: make colab COLAB=3.13. Made in _build/colab-3.1x; .venv is not touched.
COLAB ?=

colab:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv and pip was found." >&2; exit 1; }
	@$(PYTHON) tests/colab/as_in_colab.py $(COLAB)

screenshots: env pages
	@PYTHONPATH=tests .venv/bin/python -m browser.screenshots

bench: env .venv/.kenlm
	@.venv/bin/python tests/benchmarks/run.py
	@.venv/bin/python tests/benchmarks/grading.py
	@.venv/bin/python tests/benchmarks/large_class.py

# Some alone: make marks MARKS="names-rnn agreement.json".
MARKS ?=

marks: env
	@.venv/bin/python tests/benchmarks/marks.py $(MARKS)

clean:
	rm -rf _build conf.py .pytest_cache .ruff_cache .mypy_cache .hypothesis .ci/node_modules
	find lmlib chapters tests exercises -name __pycache__ -prune -exec rm -rf {} +

# Fresh pages each time: after a failed build, an incremental one would pass without the page that failed.
# What a cell printed is kept in _build (see chapters/_ext/book.py), so only what changed is executed.
pages: env
	@echo "== the book: every page, every cell, warnings are errors"
	@rm -rf _build/html _build/.doctrees
	@.venv/bin/jupyter-book build --all -W -n --keep-going --quiet . >/dev/null

checks: env
	@echo "== ruff and mypy"
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy --no-error-summary

env: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@echo "== the environment: .venv, with the versions of constraints.txt (a few minutes the first time)"
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv and pip was found. Install one (Debian and Ubuntu:" \
		"apt install python3-venv), or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@.venv/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@case ",$(EXTRAS)," in *,torch,*) test -z "$(TORCH_INDEX)" || $(PIP) --no-deps --retries 0 --timeout 15 \
		--index-url $(TORCH_INDEX) torch 2>/dev/null || true;; esac
	@$(PIP) -e '.[$(EXTRAS)]'
	@touch $@

# KenLM's Python module is compiled on the spot. Without a compiler the tests that compare with it are skipped.
.venv/.kenlm: | $(INSTALLED)
	@if ! command -v c++ >/dev/null; then echo "== no C++ compiler: the comparisons with KenLM will be skipped"; \
	else echo "== kenlm, compiled for the comparisons with it (a minute)"; \
		if $(PIP) kenlm; then touch $@; \
		else echo "== kenlm did not compile here: the comparisons with it will be skipped"; fi; fi
