# The web pages: what comes from npm, and the SSH engine as WebAssembly. Programs do not need them to be built.
NPM     := $(B)/npm/.done

.PHONY: npm
npm: $(NPM) ## the npm packages that web/package-lock.json pins, in $(B)/npm

# Not into the source tree. The lock file holds every package to its hash, and scripts of packages do not run (.npmrc).
$(NPM): web/package.json web/package-lock.json web/.npmrc
	@mkdir -p $(@D)
	@echo "  NPM   $(@D)"
	$(Q)cp $^ $(@D) && cd $(@D) && npm ci >/dev/null && touch $(@F)
