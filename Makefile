PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
READY_ALL := .venv/.ready-all
OUT ?= outputs/demo
# Of a table: short phases, as in docs/tables; CELLS= makes full ones, CELLS="quality=draft object=gso/plant seed=0" few
CELLS ?= quality=draft
TABLE ?= table2
CELL ?= experiments=[without_mask] object=gso/rhino motion=nodding seed=0 quality=draft
# tiny-cuda-nn 2.0 of 2026-04-01 and nvdiffrast 0.4.0
TINYCUDANN := git+https://github.com/NVlabs/tiny-cuda-nn@6ee3546bda615f51abe684ce9edefeb414689135\#subdirectory=bindings/torch
NVDIFFRAST := git+https://github.com/NVlabs/nvdiffrast@253ac4fcea7de5f396371124af597e6cc957bfae
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
EXTRAS := surface viewer usd metrics scale priors
RESOLVE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes --no-annotate \
	--no-header --no-emit-index-url --no-emit-find-links
UPGRADE := --upgrade
OF_TORCH := ^(torch|torchvision|triton)==|^(nvidia|cuda)-
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

.PHONY: help demo test test-all setup-tools lint format bench setup-gpu table2 table3 cell lock clean

help:  ## list what can be made
	@grep -hE '^[a-z0-9 -]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

# torch comes by itself: its builds (CPU, CUDA) share a version, and your index says which one you get, so it has no hash here
$(READY): requirements.lock requirements-torch.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("to4d needs Python 3.11 or newer; say make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(PIP) --require-hashes --no-deps -r requirements.lock
	$(PIP) --constraint requirements-torch.lock torch
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $(READY)

# torchvision has a folder of its own, where one test finds it: a build for CUDA beside a torch for the CPU breaks lightning
$(READY_ALL): $(READY) requirements-extras.lock
	$(PIP) --require-hashes --no-deps -r requirements-extras.lock
	$(PIP) --no-deps --target .venv/torchvision --upgrade --constraint requirements-torch.lock torchvision
	@touch $(READY_ALL)

demo: $(READY)  ## set up, animate the bundled plant, and say where the results are
	$(BIN)/python train.py object=gso/plant prompt="a plant blooming" out=$(OUT)
	@echo "open $(OUT)/report.html in a browser; look at $(OUT)/asset.glb, $(OUT)/contact.png, $(OUT)/turntable.mp4, $(OUT)/views/ and $(OUT)/metrics.json"

test: $(READY)  ## set up if needed, and run the tests
	$(PYTEST) -m "not slow"

test-all: $(READY_ALL)  ## install every extra, and run all tests, long ones too; lists what is skipped, and why
	$(PYTEST) -rs --ignore tests/test_open_clip.py
	PYTHONPATH=.venv/torchvision $(PYTEST) -rs tests/test_open_clip.py

setup-tools: $(READY)  ## install what tests need beside packages: Chromium (by apt, as root), Khronos's glTF validator, Blender
	command -v chromium || (apt-get -qq update && apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends chromium)
	npm install --silent --no-save --prefix .venv gltf-validator@2.0.0-dev.3.10
	$(PIP) --no-deps 'bpy==5.0.1; python_version == "3.11"'  # asks for an old numpy, and works with a new one

lint: $(READY)  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check src

format: $(READY)  ## apply style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## print speed ratios of the kernels as JSON
	$(BIN)/python bench/bench_cpu.py

setup-gpu: $(READY)  ## build tiny-cuda-nn and nvdiffrast (the latter for non-commercial use only) and check them
	@$(BIN)/python -m to4d.runs.gpu --ready
	@echo "nvdiffrast may be used for research or evaluation only (Nvidia Source Code License); tiny-cuda-nn is BSD-3-Clause"
	$(BIN)/python -m pip install --quiet "setuptools>=77,<81" wheel ninja  # tiny-cuda-nn's setup still wants pkg_resources
	$(BIN)/python -m pip install --no-build-isolation "$(TINYCUDANN)"
	$(BIN)/python -m pip install --no-build-isolation "$(NVDIFFRAST)"
	$(BIN)/python -m to4d.runs.gpu

table2 table3: $(READY)  ## a table of the paper at laptop scale: 360 short runs, 4 hours; stop it and go on as you like
	OMP_NUM_THREADS=1 $(BIN)/python train.py -m sweeps=$@ out=outputs/$@ $(CELLS)
	$(BIN)/python report.py runs=outputs/$@ paper=$@ out=outputs/$@-report

cell: $(READY)  ## make one cell of a table again, and see that it is the one in docs/tables
	rm -rf outputs/again
	OMP_NUM_THREADS=1 TO4D_CACHE=outputs/again/cache $(BIN)/python train.py -m sweeps=$(TABLE) out=outputs/again $(CELL)
	$(BIN)/python report.py runs=outputs/again against=docs/tables/$(TABLE)/runs.csv out=outputs/again-report

lock: $(READY)  ## resolve the newest versions that pyproject.toml allows; with UPGRADE= only what it newly asks for
	$(PIP) uv
	cat requirements.lock requirements-extras.lock requirements-torch.lock > .venv/all.lock
	$(RESOLVE) $(UPGRADE) $(EXTRAS:%=--extra %) --output-file .venv/all.lock pyproject.toml > .venv/lock.log
	$(RESOLVE) --constraint .venv/all.lock pyproject.toml > .venv/dev.lock
	sed -n 's/^\(torch\(vision\)\?==[0-9.]*\).*/\1/p' .venv/all.lock | sort -u > requirements-torch.lock
	awk '/^[a-z0-9]/ { keep = !/$(OF_TORCH)/ } keep' .venv/dev.lock > requirements.lock
	awk '/^[a-z0-9]/ { keep = !/$(OF_TORCH)/ && !($$1 in dev); if (FILENAME == ".venv/dev.lock") { dev[$$1]; keep = 0 } } keep' \
		.venv/dev.lock .venv/all.lock > requirements-extras.lock

clean:  ## remove the virtual environment and caches, not your outputs
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
