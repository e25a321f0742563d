# The web pages: what comes from npm, and the SSH engine as WebAssembly. Programs do not need them to be built.
NPM     := $(B)/npm/.done

.PHONY: npm
npm: $(NPM) ## the npm packages that web/package-lock.json pins, in $(B)/npm

# Not into the source tree. The lock file holds every package to its hash, and scripts of packages do not run (.npmrc).
$(NPM): web/package.json web/package-lock.json web/.npmrc
	@mkdir -p $(@D)
	@echo "  NPM   $(@D)"
	$(Q)cp $^ $(@D) && cd $(@D) && npm ci >/dev/null && touch $(@F)

# The SSH engine for the browser: lib/ssh and what it needs of lib, over primitives that the page's worker brings
# (web/engine/README.md). One compilation, so that the optimiser sees it whole; what nobody reaches is dropped.
WASM_CC    := clang --target=wasm32-wasi --sysroot=/usr
WASM_FLAGS := -mexec-model=reactor -Os -flto -std=c11 -D_GNU_SOURCE -D_WASI_EMULATED_SIGNAL -Ilib -Iweb -Wall -Wextra $(WERROR) \
	      -Wno-missing-field-initializers -Wshadow -Wstrict-prototypes
WASM_LINK  := -Wl,--gc-sections -Wl,--strip-all -Wl,-z,stack-size=131072 -lc-printscan-no-floating-point
WASM_SRC   := $(wildcard web/engine/*.c) $(ENGINE_SRC) $(addprefix lib/session/,sftp_engine.c sftp_body.c sftp_wire.c)
WASM       := $(B)/web/engine.wasm

.PHONY: engine
engine: $(WASM) ## the SSH engine as WebAssembly, in $(B)/web
$(WASM): $(WASM_SRC) $(wildcard web/engine/*.h lib/base/*.h lib/crypto/*.h lib/ssh/*.h lib/session/sftp_*.h)
	@mkdir -p $(@D)
	@echo "  WASM  $@"
	$(Q)$(WASM_CC) $(WASM_FLAGS) -o $@ $(WASM_SRC) $(WASM_LINK)

# Everything that a browser loads, under names that carry a hash of the content (tools/gather-web).
SITE       := $(B)/web/site/index

.PHONY: web
web: $(SITE) ## the files of the web app, in $(B)/web/site
$(SITE): tools/gather-web $(wildcard web/app/* web/engine/*.mjs) $(WASM) $(NPM)
	@echo "  WEB   $(@D)"
	$(Q)tools/gather-web $(B)

# What `tsh web verify` compares with what a proxy serves. The same for whoever builds the same commit with the same compiler; the
# signature is for those who have the list from elsewhere than a package. KEY: as `ssh-keygen -Y sign -f` takes it.
WEB_HASHES := $(B)/web/web-hashes
.PHONY: web-hashes
web-hashes: $(WEB_HASHES) ## the list of the web app's files with their hashes; SIGN=KEY signs it (ssh-keygen -Y)
	$(if $(SIGN),$(Q)rm -f $<.sig && ssh-keygen -q -Y sign -f $(SIGN) -n sallyport-web $<)
$(WEB_HASHES): tools/web-hashes $(SITE) $(wildcard web/*.mjs web/*.css) lib/base/version.h lib/http/server.c $(addprefix services/proxy/,site.c web_site.c)
	$(Q)$< $(B) > $@

# The engine's unit tests over the page's primitives, in Node.js: objects once, each test file linked with all of them.
WASM_TESTS    := lib/crypto/cipher_test lib/crypto/known_answers_test lib/crypto/sshcert_limits_test \
		 lib/ssh/connection_test lib/ssh/flow_test lib/ssh/hostile_test lib/ssh/packet_test lib/ssh/sign_test lib/ssh/stranger_test \
		 lib/session/sftp_body_test lib/session/sftp_engine_test
WASM_UNIT     := $(WASM_TESTS:%=$(B)/wasm/%.wasm)
WASM_UNIT_OBJ := $(patsubst %.c,$(B)/wasm/%.o,$(ENGINE_SRC) web/engine/web_prims.c web/engine/web_suite.c \
		 lib/crypto/sshcert_sign.c tests/web/unit.c tests/unit/lib/ssh/ssh_pair.c tests/unit/lib/session/sftp_server.c \
		 $(addprefix lib/session/,sftp_engine.c sftp_body.c sftp_wire.c))
WASM_UNIT_CC   = $(WASM_CC) -O1 -std=c11 -D_GNU_SOURCE -D_WASI_EMULATED_SIGNAL -Itests/web/include -Ilib -Iweb -Itests/unit \
		 -Itests/unit/lib/ssh -Itests/unit/lib/session -Wall -Wextra $(WERROR) -Wno-missing-field-initializers

.PHONY: unit-web
unit-web: $(WASM_UNIT) $(NPM) ## unit tests of what browsers run: the engine as WebAssembly over the page's primitives, and parts of the app
	@node tests/web/unit.mjs $(B) $(WASM_UNIT)
	@BUILD=$(B) node --test tests/web/app.mjs tests/web/resource.mjs >$(B)/web/app-test.log || { cat $(B)/web/app-test.log; exit 1; }
$(B)/wasm/%.o: %.c $(wildcard tests/web/include/*.h)
	@mkdir -p $(@D)
	$(Q)$(WASM_UNIT_CC) $(if $(filter %_test.c,$<),-Dmain=test_main) -MMD -MP -c -o $@ $<
$(B)/wasm/%_test.wasm: $(B)/wasm/tests/unit/%_test.o $(WASM_UNIT_OBJ)
	@mkdir -p $(@D)
	@echo "  WASM  $@"
	$(Q)$(WASM_CC) -mexec-model=reactor -o $@ $^ -Wl,--gc-sections -Wl,-z,stack-size=1048576 -lwasi-emulated-signal

.PHONY: screenshots
screenshots: build web ## pictures of every page of the web app, of a cluster of their own, in $(B)/screenshots
	@tools/screenshots $(B) $(B)/screenshots
