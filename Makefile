# What a person or the CI runs. `make help` lists the targets.
#
# Everything that is not a build product of cargo lives in .venv (made from pinned requirements).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo demo-export test model bench bench-api bench-export bench-manifest bench-media bench-seek stores deb fuzz setup rusoto clean-venv

PYTHON ?= python3
VENV := .venv
# The clients of the conformance suite, each family with the packages of its own time.
CLIENTS := $(VENV)/clients
CLIENT_STAMPS := $(patsubst clients/drivers/requirements/%.txt,$(CLIENTS)/%.stamp,\
	$(wildcard clients/drivers/requirements/*.txt)) $(CLIENTS)/node.stamp
RUSOTO := clients/drivers/rusoto
export CARGO_TERM_COLOR ?= auto

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14
	@echo
	@echo 'make demo DISK=/any/folder   runs the demo on your own files (a folder, image or device)'
	@echo 'make test PYTEST="-k crash"  hands options to pytest'

demo: ## build, then load a sample disk (or DISK=...) into an S3 store and verify it
	cargo build --release --locked -p packhorse
	target/release/packhorse quickstart $(if $(DISK),"$(DISK)")

demo-export: $(VENV)/test.stamp ## export a bucket of awkward keys onto an image, prove it, and import it back
	cargo build --release --locked -p packhorse
	PACKHORSE_BINARY=$(CURDIR)/target/release/packhorse $(VENV)/bin/python clients/demo_export.py

test: setup ## every check: format, lints, docs, Rust tests, end-to-end tests with boto3 and others
	$(VENV)/bin/python scripts/check.py $(PYTEST)

bench: $(VENV)/bench.stamp ## compare with s5cmd, rclone and the floor; BENCH="--runs 3" hands options on
	cargo build --release --locked -p packhorse
	cargo build --release --locked --manifest-path bench/store/Cargo.toml --target-dir target/bench
	$(VENV)/bin/python bench/run.py $(BENCH)

stores: $(VENV)/bench.stamp ## load into a real store of another maker (Ceph, from packages), beside the peers
	cargo build --release --locked -p packhorse
	$(VENV)/bin/python bench/run.py --against ceph --runs 3 --small-count 5000 --large-bytes 134217728 \
		--mixed-count 1000 --mixed-bytes 402653184 $(BENCH)

bench-export: $(VENV)/bench.stamp $(CLIENTS)/awscli-1.stamp ## exports beside s5cmd, rclone, aws s3 sync; BENCH="--runs 1"
	cargo build --release --locked -p packhorse
	$(VENV)/bin/python bench/export.py $(BENCH)

bench-media: ## how fast devices are read, beside the kernel and FUSE; BENCH="--turns 1" hands options on
	cargo build --release --locked -p packhorse-media --example bench_media
	$(PYTHON) bench/media.py $(BENCH)

model: ## random loads with faults and kills against a model; MODEL_CASES=N (3000), MODEL_FIRST=N the first seed
	PACKHORSE_MODEL_CASES=$(or $(MODEL_CASES),3000) PACKHORSE_MODEL_FIRST=$(or $(MODEL_FIRST),1) \
		cargo test --locked -p packhorse-transfer --test it model:: -- --nocapture

bench-seek: $(VENV)/test.stamp ## what reading in physical order saves a spinning disk; needs strace
	cargo build --release --locked -p packhorse
	$(VENV)/bin/python bench/seek.py $(BENCH)

bench-manifest: ## how long a manifest takes to parse and validate
	cargo run --release --locked -q -p packhorse-core --example bench_manifest

bench-api: $(VENV)/test.stamp ## requests per second of the API; BENCH="--seconds 3" hands options on
	cargo build --release --locked -p packhorse
	cargo build --release --locked -p packhorse-server --example load
	cargo build --release --locked -p packhorse-store --example commits
	$(VENV)/bin/python bench/api.py $(BENCH)

deb: ## build a Debian package into target/deb; needs debhelper
	cargo build --release --locked -p packhorse
	packaging/build-deb.sh target/release/packhorse target/deb

fuzz: ## run each fuzz target for FUZZ_SECONDS (60); needs a nightly toolchain
	cargo +nightly fuzz --version >/dev/null 2>&1 || cargo +nightly install --locked cargo-fuzz
	fuzz/run.sh $(or $(FUZZ_SECONDS),60) $(FUZZ)

setup: ## the tools of `make test`: packages of the system, Python packages, other clients
	@bash scripts/setup.sh
	@$(MAKE) --no-print-directory -j 2 $(VENV)/test.stamp $(CLIENT_STAMPS) rusoto

clean-venv: ## forget the Python environment
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/test.stamp: clients/requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(CLIENTS)/%.stamp: clients/drivers/requirements/%.txt
	@mkdir -p $(CLIENTS)
	$(PYTHON) -m venv --clear $(CLIENTS)/$*
	$(CLIENTS)/$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(CLIENTS)/node.stamp: clients/drivers/package.json clients/drivers/package-lock.json
	@mkdir -p $(CLIENTS)/node
	cp $^ $(CLIENTS)/node/
	cd $(CLIENTS)/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# cargo knows by itself whether there is something to do.
rusoto:
	cargo build --quiet --locked --manifest-path $(RUSOTO)/Cargo.toml --target-dir target/clients

$(VENV)/bench.stamp: bench/requirements.txt $(VENV)/test.stamp
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
