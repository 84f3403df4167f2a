# Every task has one door. `make` lists them.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
ARGS ?=

.PHONY: help demo test test-browser test-peers test-api mutants simulate simulate-mutants chaos lint fmt bench bench-portal bench-belt bench-expand up

help: ## List the doors
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: ## Send a real campaign on this machine (ARGS="--exit --partners 100 --contacts-per-partner 50")
	@.ci/install demo
	@cargo build -p throughline
	@"$${CARGO_TARGET_DIR:-target}/debug/throughline" demo $(ARGS)

# nextest leaves out the examples in the docs; they come first, so that its summary is the last word.
test: ## Run all tests (real Redis, SQLite, PostgreSQL and SMTP, started by the tests)
	@.ci/install test
	@if command -v cargo-nextest >/dev/null; then \
	  cargo test --quiet --workspace --doc && cargo nextest run --workspace $(ARGS); \
	else \
	  cargo test --workspace $(ARGS) -- --skip browser:: --skip peers:: --skip schemathesis::; \
	fi

test-browser: ## Run the tests of mail and pages in a real browser (Chromium)
	@.ci/install browser
	@if command -v cargo-nextest >/dev/null; then \
	  cargo nextest run --workspace --profile browser $(ARGS); \
	else \
	  cargo test --workspace $(ARGS) browser::; \
	fi

test-peers: ## Compare with handlebars.js and Python's csv (THROUGHLINE_CORPORA=DIR: templates of others, ../shared/corpora if it is there)
	@.ci/install peers
	@export THROUGHLINE_CORPORA="$${THROUGHLINE_CORPORA:-$$PWD/../shared/corpora}"; \
	only=; if [ ! -d "$$THROUGHLINE_CORPORA/templates" ]; then \
	  only="not test(templates_of_others)"; \
	  echo "no templates of others: $$THROUGHLINE_CORPORA/templates is not there"; \
	fi; \
	if command -v cargo-nextest >/dev/null; then \
	  cargo nextest run --workspace --profile peers $${only:+-E "$$only"} $(ARGS); \
	else \
	  cargo test --workspace $(ARGS) peers:: -- $${only:+--skip templates_of_others}; \
	fi

test-api: ## Hold the JSON API against its description (Schemathesis)
	@.ci/install api
	@cargo build -p throughline
	@if command -v cargo-nextest >/dev/null; then \
	  cargo nextest run --workspace --profile api $(ARGS); \
	else \
	  cargo test --workspace $(ARGS) schemathesis::; \
	fi

simulate: ## Run 2,000 seeded schedules of faults over the belt's scripts and the scheduler's passes (ARGS="--seed 4711 --schedules 1" shows one)
	@.ci/install demo
	@cargo build --quiet -p throughline -p simulation --bins
	@"$${CARGO_TARGET_DIR:-target}/debug/simulation" $(ARGS)

simulate-mutants: ## Break every line of the belt's protocol, one guard at a time: a seed of the simulation must see it
	@.ci/install demo
	@cargo build --quiet -p throughline -p simulation --bins
	@"$${CARGO_TARGET_DIR:-target}/debug/simulation" mutants $(ARGS)
	@.ci/mutants simulation

mutants: ## Remove every guard on the lists tests/mutations.toml, one at a time: a test must see it (ARGS=ROOM)
	@.ci/mutants $(ARGS)

chaos: ## Break a real fleet and count what that costs (QUICK=1: each fault once; ARGS="--seed 7 --only kill_worker", "recount target/chaos", "list")
	@.ci/install chaos
	@cargo build --quiet -p throughline -p e2e --bins
	@"$${CARGO_TARGET_DIR:-target}/debug/chaos" $(if $(QUICK),--quick) $(ARGS)

lint: ## Check formatting, clippy, docs, dependencies, scripts and the compose file
	@.ci/install build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --document-private-items
	@for script in .ci/install .ci/run .ci/builds-once bench/*.sh docs/*.sh; do bash -n "$$script"; done
	@.ci/builds-once
	@if command -v cargo-deny >/dev/null; then \
	  cargo deny check; \
	else \
	  echo "cargo-deny is not installed: licences and advisories of dependencies were NOT checked (cargo install cargo-deny)"; \
	fi
	@if docker compose version >/dev/null 2>&1; then \
	  docker compose --env-file .env.example config --quiet; \
	else \
	  echo "docker compose is not installed: docker-compose.yml is checked as a file only, by the tests of crates/process"; \
	fi

fmt: ## Format all code
	cargo fmt --all

bench: ## Measure the whole fleet beside Postfix's smtp-source (ARGS="1000 50")
	@.ci/install test
	@bench/demo.sh $(ARGS)

bench-portal: ## Measure launches, opens, clicks and pages of an idle and a busy fleet, beside nginx
	@.ci/install bench
	@bench/portal.sh $(ARGS)

bench-belt: ## Measure the belt beside BullMQ and apalis-redis, and fleets at rest, in fairness, at limits (ARGS="--only jobs,cost")
	@.ci/install bench-belt
	@bench/belt.sh $(ARGS)

bench-expand: ## Measure expansion beside a bare insert, and its memory, on both stores; takes a night (ARGS=10000000)
	@.ci/install bench
	@bench/expand.sh $(ARGS)

up: ## Start the fleet in containers (ARGS="--scale worker=4")
	@docker compose version >/dev/null 2>&1 || { echo "docker with its compose plugin is needed: https://docs.docker.com/engine/install/"; exit 3; }
	@test -e .env || { umask 077; while IFS= read -r line; do \
	  case $$line in *=generate) echo "$${line%generate}$$(openssl rand -hex 32)" ;; *) echo "$$line" ;; esac; \
	done <.env.example >.env; echo "made .env with fresh keys: keep it with the backups of the book"; }
	docker compose up --build $(ARGS)
