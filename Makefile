# One environment in .venv, made from the lock file; every target sets up what it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
BIN := .venv/bin
CASES ?= 50000
OUT ?= demo
WORKERS ?= 2

.PHONY: kills growth grouper bench-grouper machine federation setup demo test vectors planted agree zoo exact partitions schemas books bench bench-reading bench-memory bench-cold bench-control bench-norms bench-whatif bench-exact bench-compare bench-baseline lint lock clean
.DEFAULT_GOAL := demo

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=/where/it/is"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

setup: .venv/.ready

demo: setup
	$(BIN)/omsclaims demo --cases $(CASES) --out $(OUT)

# The tests, shared by so many processes; WORKERS=0: in one (tests/conftest.py says what stays together).
test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# Every published figure of ../shared/vectors in one table.
vectors: setup
	$(BIN)/python -m tests.vectors

# Made-up territories at full size: every rule of control broken on purpose, found = planted (some five minutes a seed).
SEEDS ?= 1 2 3
planted: setup
	$(BIN)/python -m tests.synthetic.planted --seeds $(SEEDS) --cases 100000

# The two readers held against each other at length (about half an hour on two cores); the tests run a short form of it.
agree: setup
	$(BIN)/python -m tests.registry.agreement --corpus --documents 100000 --mutations 1000000 --chunks --processes 2

# Hostile archives and XML, each in a process of its own: rule, reason, seconds, memory.
zoo: setup
	$(BIN)/python -m tests.registry.zoo

# Ten thousand random lives of two funds, an insurer and two clinics: money and states (about half an hour on two cores).
RUNS ?= 10000
machine: setup
	POLARS_MAX_THREADS=1 $(BIN)/python -m tests.machine --runs $(RUNS) --processes $(WORKERS)

# Territories whose people travel, a year through their real files, every book held against every other: SEEDS, SIZE (see --help).
SIZE ?= --territories 5 --clinics 20 --cases 12 --months 12
federation: setup
	$(BIN)/python -m tests.federation --seeds $(SEEDS) $(SIZE) --threads $(WORKERS)

# Ten million sums of products against fractions, ten million splits against their sums (some minutes on two cores).
exact: setup
	$(BIN)/python -m tests.exactness --processes $(WORKERS)

# Each sex, each birth of 120 years, each date of the year around each dated partition: exactly one group.
partitions: setup
	$(BIN)/python -m tests.partitions

# Documents broken in one place, held against the official schemas in ../shared.
schemas: setup
	$(BIN)/python -m tests.registry.schema_agreement

# Commands killed (-9) at random moments: what is left, and whether the same command completes it.
KILLS ?= 200
SEED ?= 20220301
kills: setup
	$(BIN)/python -m tests.kills --kills $(KILLS) --seed $(SEED)

# Every row of the official КСГ workbooks in ../shared made into a case: its own group must be among the candidates.
grouper: setup
	$(BIN)/python -m tests.grouper

bench: setup
	$(BIN)/python -m benchmarks run
	$(BIN)/python -m benchmarks reading

bench-reading: setup
	$(BIN)/python -m benchmarks reading

bench-memory: setup
	$(BIN)/python -m benchmarks memory

bench-cold: setup
	$(BIN)/python -m benchmarks cold

# All check books and all control rules over 1.3 million cases with a year of history (about half an hour on two cores).
bench-control: setup
	$(BIN)/python -m benchmarks control

# A year of a territory of 2.4 million people: twelve closings of made-up tables, seconds of each, sizes of the workspace.
growth: setup
	$(BIN)/python -m benchmarks growth

bench-norms: setup
	$(BIN)/python -m benchmarks norms

bench-whatif: setup
	$(BIN)/python -m benchmarks whatif

# Exact sums of products and shares beside float64 and Decimal.
bench-exact: setup
	$(BIN)/python -m benchmarks exact

bench-grouper: setup
	$(BIN)/python -m benchmarks grouper

bench-compare: setup
	$(BIN)/python -m benchmarks compare

bench-baseline: setup
	$(BIN)/python -m benchmarks baseline

books: setup
	$(BIN)/python -m tests.checks.official.breaking

lint: setup
	$(BIN)/ruff check omsclaims tests benchmarks
	$(BIN)/ruff format --check omsclaims tests benchmarks
	$(BIN)/mypy

lock:
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe --strip-extras \
	  --extra dev --output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv demo .pytest_cache .mypy_cache .ruff_cache .hypothesis build
