# The commands of this repository. Each works on a fresh Debian 12 machine that has Rust,
# Python 3 and Node; what else the tests need, tests/install.sh fetches.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# A lost packet must not fail a build.
export CARGO_NET_RETRY ?= 10
export CARGO_HTTP_TIMEOUT ?= 60
# Where tests/install.sh unpacks tools that it does not install, and where Debian keeps nginx.
export PATH := $(CURDIR)/target/tools/usr/bin:$(CURDIR)/target/tools/usr/sbin:$(PATH):/usr/sbin

.PHONY: help demo cluster test prove prove-long fuzz writes bench gate fix

help:
	@echo "make demo    build, then show a gateway at work in one minute"
	@echo "make cluster build, then show three nodes behind HAProxy as one gateway"
	@echo "make test    everything that must hold before a change lands; changes no source file"
	@echo "make prove   whole clusters in a simulator, SEEDS of them (10,000), a disk that fails, and then"
	@echo "             real nodes through every fault, with the figures that are promised"
	@echo "make prove-long  the same for hours (MINUTES, 480); seeds that fail go to target/failed-seeds.txt"
	@echo "make fuzz    every parser of what clients send, for ten minutes (SECONDS, 600)"
	@echo "make writes  changes of the configuration beside etcd's puts, on this machine"
	@echo "make bench   the published build against its rivals on this machine"
	@echo "make gate    instructions and allocations of the request path against the kept counts"
	@echo "make fix     format, and let clippy mend what it can"

demo:
	@cargo build --release --locked --package tollgate-node
	@benches/size.sh target/release/tollgate
	@examples/demo/run.sh

cluster:
	@tests/install.sh
	@cargo build --release --locked --package tollgate-node
	@examples/cluster/run.sh

test:
	@tests/install.sh
	@tests/verify.sh

# SEED begins elsewhere than at 0; a seed that is printed is run again, to the same end, by
# `SEEDS=1 SEED=n cluster/simulate.sh`.
prove:
	@THOROUGH=1 cargo test --profile ci --locked --package tollgate-store --lib -- --nocapture
	@REPLAYS=$(or $(REPLAYS),48) cargo test --profile prove --locked --package tollgate-cluster --lib \
		sim::runs::one_seed_replays_one_run
	@SEEDS=$(or $(SEEDS),10000) SEED=$(or $(SEED),0) cluster/simulate.sh
	@tests/install.sh
	@cargo build --profile ci --locked --package tollgate-node
	@PROVE=1 cargo test --profile ci --locked --package tollgate-tests --test cluster -- \
		--nocapture --test-threads 1
	@PROVE=1 cargo test --profile ci --locked --package tollgate-tests --test scale -- \
		--nocapture --test-threads 1 very_many_keys leases creates_are_sustained

# Other seeds every time, unless SEED says where to begin.
prove-long:
	@SEED=$(or $(SEED),$$(date +%s)00000) SEEDS=1000000000 MINUTES=$(or $(MINUTES),480) \
		cluster/simulate.sh

# Every parser of what clients send, each for so many seconds: signatures, ARNs, policies, documents, patches.
fuzz:
	@for package in aws policy config websocket node; do \
		TOLLGATE_FUZZ_SECONDS=$(or $(SECONDS),600) cargo test --profile ci --locked \
			--package tollgate-$$package -- --nocapture fuzz || exit 1; \
	done

writes:
	@tests/install.sh etcd
	@cargo build --profile dist --locked --package tollgate-node
	@TOLLGATE_BIN=$(CURDIR)/target/dist/tollgate cargo run --quiet --profile ci --locked \
		--package tollgate-tests --bin writes

bench:
	@tests/install.sh
	@cargo build --profile dist --locked --package tollgate-node --package tollgate-loadtest
	@benches/size.sh target/dist/tollgate
	@TOLLGATE_BIN=$(CURDIR)/target/dist/tollgate cargo test --quiet --profile ci --locked \
		--package tollgate-tests --test scale -- --nocapture
	@target/dist/tollgate-loadtest compare

gate:
	@tests/install.sh
	@benches/gate.sh

fix:
	@cargo fmt --all
	@cargo fmt --manifest-path tests/functions/code/rust/Cargo.toml
	@cargo fmt --manifest-path tests/sdk/rust/Cargo.toml
	@cargo clippy --profile ci --workspace --all-targets --fix --allow-dirty --allow-staged
