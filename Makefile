# What a person does here, one line each. On a fresh Debian machine with Rust, `make test` and `make demo` fetch the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

# rustup puts cargo here, and a fresh shell may not know it yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)

# A snapshot that differs fails; only a person accepts a new one.
export INSTA_UPDATE := no

.PHONY: help setup test proof accuracy demo release install bench fuzz lint fmt fmt-check unit build clients

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup-build  ## See it work: a simulated HubSpot, the gateway in front of it, a live workload
	cargo build --locked --package app
	target/debug/hubkeeper demo

release: setup-build  ## Build the program as it ships: target/release/hubkeeper (some ten minutes)
	scripts/release

install: release  ## The same, put beside cargo, where your PATH finds it
	install target/release/hubkeeper "$${CARGO_HOME:-$$HOME/.cargo}/bin/hubkeeper"

test: setup fmt-check lint unit build clients  ## Check everything: format, lints, unit tests, HubSpot's own SDKs

fmt:  ## Format the code
	cargo fmt --all

fmt-check:
	cargo fmt --all --check

lint:  ## Lints, all of them errors
	cargo clippy --locked --workspace --all-targets -- -D warnings

unit:  ## Rust tests
	@if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run --locked --workspace --no-fail-fast; \
	  cargo test --locked --workspace --doc --quiet; \
	else \
	  cargo test --locked --workspace --quiet --no-fail-fast; \
	fi

build:
	cargo build --locked --package app

clients: build  ## HubSpot's official SDKs against the simulator, through the gateway and without it
	scripts/clients

# `commit` or `nightly`; docs/PROOF.md has the sizes.
TIER ?= commit

proof:  ## The long tiers: nothing lost (rigs, see docs/PROOF.md), and the brownout suite over its 1,000 seeds
	scripts/setup proof
	scripts/proof $(TIER)
	HUBKEEPER_SEEDS=all cargo test --locked --package app --test it brownout
	cargo test --locked --package app --features proof --test it wire::falls

accuracy:  ## How often the diagnosis is right, on the scoring seeds (a quarter of an hour)
	HUBKEEPER_ACCURACY=$${HUBKEEPER_ACCURACY:-scoring} cargo test --locked --package app --test it accuracy::the_scores -- --nocapture

fuzz:  ## Ten minutes of a fuzzer for each reader of what strangers send (needs a C++ compiler)
	scripts/fuzz

bench:  ## Benchmarks: ratios against peers in the same run
	scripts/setup bench
	benches/run

setup:  ## Fetch what tests need: Debian, npm and Python packages (quick when they are there)
	scripts/setup test

.PHONY: setup-build
setup-build:
	scripts/setup build
