# kshot: `make demo` and `make test` need nothing but Python 3.11-3.13, make and a network; they set up the rest.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format wheel clean
.PHONY: adaptation bench bench-training boards compare exactness fuzz-graphs fuzz-store omniglot open-set packages
.PHONY: persist-cost store-torture switches

python := .venv/bin/python
kshot  := .venv/bin/kshot
jobs   := $(shell nproc 2>/dev/null || echo 2)
compared = $(patsubst %/embedding.json,%,$(wildcard build/omniglot/*/trained/embedding.json))
quantized = $(patsubst %/int8/int8_embedding.json,%,$(wildcard build/omniglot/*/int8/int8_embedding.json))
cppcheck := --std=c99 --enable=warning,style,performance,portability --inline-suppr --error-exitcode=1 --quiet -j$(jobs)
device_tools := gcc arm-none-eabi-gcc qemu-system-arm

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# says how to train where the list of trainings is empty
define needs_trainings
	@if [ -z "$(1)" ]; then \
	    echo "There is no training in build/omniglot yet; these train and quantize one each:" >&2; \
	    for recipe in examples/omniglot/*.toml; do \
	        echo "    examples/omniglot/train.sh $$(basename $$recipe .toml)" >&2; \
	    done; exit 1; fi
endef

setup: ## .venv, compilers and emulator, as the other targets need them
	@setup/python.sh lint,tensorboard,test
	@setup/tools.sh $(device_tools)

demo: setup ## the main job: train on print, enroll handwriting on an emulated Cortex-M (build/figures/demo.json)
	$(kshot) demo

test: setup ## every test; what a tool is missing for is skipped with the reason, or fails where CI is set
	@setup/tools.sh clang g++ cmake doxygen
	@setup/tools.sh libfuzzer
	$(python) -m pytest -n $(jobs)

lint: setup ## ruff, mypy strict, clang-format, cppcheck
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	@git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | grep -v '^tests/golden/' | xargs .venv/bin/clang-format --dry-run --Werror
	@setup/tools.sh cppcheck
	@if command -v cppcheck >/dev/null; then \
	    cppcheck $(cppcheck) --suppressions-list=setup/cppcheck.txt firmware_gen/runtime; fi

format: setup ## let ruff and clang-format lay out the sources
	$(python) -m ruff check --fix .
	$(python) -m ruff format .
	@git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | grep -v '^tests/golden/' | xargs .venv/bin/clang-format -i

adaptation: setup ## the learners on the device: NumPy == host C == QEMU, instructions and bytes (build/figures/adaptation.json)
	@setup/tools.sh --required $(device_tools)
	$(python) -m bench.adaptation

exactness: setup ## .tflite == NumPy == host C == QEMU, in counts (build/figures/exactness.json)
	@setup/tools.sh --required $(device_tools)
	$(python) -m bench.exactness

bench: setup ## instructions and memory of the int8 engine, each core and model (build/figures/engine.json)
	@setup/tools.sh --required $(device_tools)
	$(python) -m bench.engine

boards: setup ## firmware for every board, linked and its bytes checked (build/figures/boards.json)
	@setup/tools.sh --required gcc arm-none-eabi-gcc
	$(python) -m bench.boards

fuzz-graphs: setup ## random int8 graphs on the host and in QEMU, every value as tflite-micro's (build/figures/graphs.json)
	@setup/tools.sh --required $(device_tools)
	$(python) -m bench.fuzz_graphs $(FUZZ_GRAPHS)

omniglot: setup ## accuracy on Omniglot's validation alphabets, int8 on compiled C (build/figures/omniglot.json)
	@setup/tools.sh --required gcc
	$(python) -m bench.omniglot

bench-training: setup ## steps a second of training, beside PyTorch, which this downloads (build/figures/training.json)
	@setup/pytorch.sh
	$(python) -m bench.training

packages: setup ## every format of kshot generate, compiled and validated (build/figures/packages.json)
	@setup/tools.sh --required $(device_tools) g++ cmake
	$(python) -m bench.packages

compare: setup ## the learners side by side, from trainings in build/omniglot (build/figures/compare.json)
	@setup/tools.sh --required gcc
	$(call needs_trainings,$(compared))
	$(kshot) compare $(compared)

open-set: setup ## rejection of unknown classes by those trainings, asked and realised rates (build/figures/open_set.json)
	@setup/tools.sh --required $(device_tools)
	$(call needs_trainings,$(quantized))
	$(python) -m bench.open_set $(quantized)

switches: setup ## what each switch of the training does, on Omniglot, beside the recipe (build/figures/switches.json)
	@setup/tools.sh --required gcc
	$(python) -m bench.switches

store-torture: setup ## the flash store under cuts of power, failing flash and hostile images (build/figures/store.json)
	@setup/tools.sh --required gcc arm-none-eabi-gcc
	$(python) -m bench.store_torture $(STORE_TORTURE)

fuzz-store: setup ## the flash store under libFuzzer, FUZZ_SECONDS=600 a target (build/figures/store_fuzz.json)
	@setup/tools.sh --required clang
	@setup/tools.sh --required libfuzzer
	$(python) -m bench.store_fuzz --seconds $(or $(FUZZ_SECONDS),600) $(FUZZ_STORE)

persist-cost: setup ## what keeping a class costs beside its embedding, in instructions (build/figures/persist_cost.json)
	@setup/tools.sh --required $(device_tools)
	$(python) -m bench.persist_cost

wheel: setup ## dist/kshot-*.whl
	$(python) -m build --wheel --no-isolation

clean: ## remove what was built; .venv stays
	rm -rf build dist
