# Tests, lint and benchmarks.
FUZZ_SECONDS ?= 20
MUTATE ?= 200
SEED   ?= 1
.PHONY: unit engine-check mutate lint loc format fuzz test demo bench soak bare tools-bin
unit: $(UNIT_BIN) ## unit tests
	@tools/run-unit $(UNIT_BIN)
mutate: $(UNIT_BIN) ## MUTATE=200 changes in security-relevant files, SEED=1: does a unit test notice?
	@nice tools/mutate --build $(B) --count $(MUTATE) --seed $(SEED)
fuzz: $(FUZZ_BIN) ## every fuzz target for FUZZ_SECONDS
	@tools/run-fuzz $(FUZZ_SECONDS) $(B) $(FUZZ_BIN)

lint: ## layers, owners of libraries, banned calls, sizes, names of functions and who calls them
	@tools/lint
loc: ## lines of code and comments of lib, services, clients; COMMIT=... of that commit too
	@tools/loc $(COMMIT) ""
format: ## clang-format over FILES (default: all sources)
	clang-format -i $(or $(FILES),$(shell git ls-files '*.c' '*.h'))

ENGINE_OBJ := $(ENGINE_SRC:%.c=$(B)/%.o)
engine-check: $(ENGINE_OBJ) $(B)/unit/lib/ssh/small_suite_test ## what the SSH engine leans on, as for a browser
	@tools/engine-check $(B) $(ENGINE_OBJ)

tools-bin: $(TTOOL_BIN) ## helper programs of tests and benchmarks

# The packages must be there before the Makefile is read again: pkg-config and wildcards look at the machine.
test: deps-test ## everything: lint, unit, sanitizers, fuzz, interop, end to end
	@$(MAKE) --no-print-directory -s test-run
test-run:
	@tools/test
.PHONY: test-run demo-run

demo: deps-demo ## a whole cluster in a folder, the guide walked; DEMO_ONCE=1 stops at the end
	@$(MAKE) --no-print-directory -s -j$(shell nproc) build
	@$(MAKE) --no-print-directory -s web || echo "demo: without the web app: make web failed (it needs npm and its registry)"
	@tools/demo $(B)

bench: deps-bench ## figures against OpenSSH in build/bench.json; BEFORE=TREE measures another checkout beside
	@$(MAKE) --no-print-directory -s -j$(shell nproc) build tools-bin
	@/usr/bin/python3 tests/bench/bench.py $(B) $(if $(BEFORE),--before $(BEFORE))
soak: deps-test ## long runs: FUZZ_SECONDS=300 of every fuzz target, and the heavy end-to-end tests
	@$(MAKE) --no-print-directory -s -j$(shell nproc) build tools-bin
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=300
	@/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/e2e tests/interop --heavy
bare: ## the two commands of the README on a machine with nothing but git and make (root); RELEASE=trixie PARTS="demo user test unit"
	@RELEASE=$(RELEASE) tools/bare $(PARTS)
