EXTRAS ?= book,figures,data,grading,dev,chinese
TORCH_INDEX ?=
.PHONY: env
env: .venv/.installed
.venv/.installed: pyproject.toml constraints.txt
	test -d .venv || python3 -m venv .venv
	.venv/bin/pip install --quiet -c constraints.txt $(addprefix --extra-index-url ,$(TORCH_INDEX)) -e '.[$(EXTRAS)]'
	touch $@
