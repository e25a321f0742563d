# Tests, lint and benchmarks.
FUZZ_SECONDS ?= 20
.PHONY: unit lint format fuzz
unit: $(UNIT_BIN) ## unit tests
	@tools/run-unit $(UNIT_BIN)
fuzz: $(FUZZ_BIN) ## every fuzz target for FUZZ_SECONDS
	@tools/run-fuzz $(FUZZ_SECONDS) $(B) $(FUZZ_BIN)

lint: ## layers, owners of libraries, banned calls, sizes
	@tools/lint
format: ## clang-format over FILES (default: all sources)
	clang-format -i $(or $(FILES),$(shell git ls-files '*.c' '*.h'))
