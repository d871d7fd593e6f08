# Everything a contributor or CI runs. `make run` and `make test` work on a fresh Debian machine
# that has cargo: they install what else is needed, or say what could not be installed.

GUESTS_DIR := target/guests
GUESTS := $(GUESTS_DIR)/wasm32-unknown-unknown/guest

# `make run PROFILE=dev` builds faster and runs slower.
PROFILE ?= release
CARGO_OUT = $(or $(CARGO_TARGET_DIR),target)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))

# Guests stay under target/ whatever CARGO_TARGET_DIR says: the tests look for them there.
export GUESTS_DIR

.PHONY: help setup guests build run test lint bench clean

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Installs what the machine lacks: a C compiler, the standard library for wasm32
	@scripts/setup.sh

guests: setup ## Builds every guest crate for wasm32 into target/guests
	@scripts/build-guests.sh

build: setup ## Builds the binary `sandbar`
	@echo "== building sandbar ($(PROFILE))"
	cargo build --profile $(PROFILE) -p sandbar-cli

run: build guests ## Counts the words of a book: a job of Wasm operators from one command
	@echo "== running examples/word-count"
	$(CARGO_OUT)/sandbar run $(GUESTS)/word_count.wasm -- examples/word-count/data/opticks.txt

test: guests ## Builds the guests and runs every test of the workspace
	@echo "== testing the workspace"
	cargo test --workspace --no-fail-fast

lint: ## Checks formatting, lints and the rules of the house
	@echo "== cargo fmt"
	cargo fmt --all --check
	cd fuzz && cargo fmt --check
	@echo "== cargo clippy"
	cargo clippy --workspace --all-targets -- -D warnings
	@echo "== tests/tidy"
	cargo test -q -p sandbar-tidy

bench: guests ## Runs the benchmarks of the workspace
	@if [ -n "$$(find host guest-sdk tests -path '*/benches/*.rs' | head -n 1)" ]; then \
		cargo bench --workspace --bench '*'; \
	else \
		echo "bench: the workspace has no benchmark yet"; \
	fi

clean: ## Removes everything that was built
	cargo clean
