# The Debian packages that building, demonstrating and testing need; README.md says what each library is for.
APT  := apt-get -o DPkg::Lock::Timeout=300 -q -y --no-install-recommends
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
# What building needs says debian/control; debhelper makes the packages. A row is NAME, or NAME [architecture].
BUILD_DEPENDS  := $(shell sed -n '/^Build-Depends:/,/^$$/{ s/^Build-Depends: *//; s/,//; s/ *(.*)//; s/ *\[amd64\]/:x86_64/; p; }' debian/control)
DEB_PACKAGES   := build-essential debhelper
BUILD_PACKAGES := $(filter-out debhelper-% dh-% %:x86_64,$(BUILD_DEPENDS)) $(patsubst %:x86_64,%,$(filter %:$(shell uname -m),$(BUILD_DEPENDS)))
# The web pages: the engine is compiled to WebAssembly, tools/gather-web and web-hashes are Python; npm where somebody did not bring a
# newer one than Debian's.
WEB_PACKAGES  := clang lld wasi-libc libclang-rt-dev-wasm32 python3 $(if $(shell command -v npm),,nodejs npm)
DEMO_PACKAGES := $(BUILD_PACKAGES) $(WEB_PACKAGES) postgresql openssh-client openssh-sftp-server ca-certificates curl \
	procps oathtool
TEST_PACKAGES := $(DEMO_PACKAGES) libcmocka-dev libclang-rt-dev python3-pytest python3-pytest-xdist python3-pexpect \
	python3-paramiko python3-asyncssh python3-pyte python3-psycopg2 python3-grpcio python3-protobuf python3-cryptography \
	python3-grpc-tools python3-websockets openssh-server rsync git curl jq \
	iproute2 systemd systemd-container mmdebstrap mandoc zstd putty-tools openssl \
	openssh-tests golang-go golang-golang-x-crypto-dev libssh-dev shellcheck lftp sshfs ansible-core chromium fonts-dejavu-core vim zsh fish prometheus

BENCH_PACKAGES := $(TEST_PACKAGES) clustershell
DEPLOY_PACKAGES := $(BUILD_PACKAGES) $(DEB_PACKAGES) $(WEB_PACKAGES) lintian mmdebstrap systemd-container python3-pytest openssh-client \
	curl procps iproute2 iptables $(if $(wildcard /usr/*bin/dockerd),,docker.io docker-compose)
UNIT_PACKAGES := $(BUILD_PACKAGES) libcmocka-dev python3 openssh-client openssl

# Installs those of a list that are missing.
define install_missing
	@missing=$$(for p in $(1); do dpkg-query -W -f '$${db:Status-Status}\n' $$p 2>/dev/null | \
	    grep -qx installed || printf '%s ' $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing: $$missing"; \
		$(SUDO) apt-get -q update >/dev/null && \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive $(APT) install $$missing >/dev/null || exit 1; \
	fi
endef

.PHONY: deps deps-web deps-deb deps-deploy deps-demo deps-unit deps-test deps-bench
deps: ## installs what building needs
	$(call install_missing,$(BUILD_PACKAGES))
deps-web: ## ... and what the web app needs
	$(call install_missing,$(WEB_PACKAGES))
deps-deb: ## ... and what making packages needs
	$(call install_missing,$(BUILD_PACKAGES) $(DEB_PACKAGES))
deps-deploy: ## ... and what testing packages needs
	$(call install_missing,$(DEPLOY_PACKAGES))
deps-demo: ## ... and what the demonstration needs
	$(call install_missing,$(DEMO_PACKAGES))
deps-unit: ## ... and what the unit tests need
	$(call install_missing,$(UNIT_PACKAGES))
deps-test: ## ... and what the tests need
	$(call install_missing,$(TEST_PACKAGES))
deps-bench: ## ... and what the benchmarks measure beside
	$(call install_missing,$(BENCH_PACKAGES))
