# Tests, lint and benchmarks.
FUZZ_SECONDS ?= 20
.PHONY: unit lint format fuzz
unit: $(UNIT_BIN) ## unit tests
	@tools/run-unit $(UNIT_BIN)
fuzz: $(FUZZ_BIN) ## every fuzz target for FUZZ_SECONDS
	@tools/run-fuzz $(FUZZ_SECONDS) $(B) $(FUZZ_BIN)
