# The Debian packages that building, demonstrating and testing need; README.md says what each library is for.
APT  := apt-get -o DPkg::Lock::Timeout=300 -q -y --no-install-recommends
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
BUILD_PACKAGES := gcc libc6-dev pkg-config protobuf-c-compiler protobuf-compiler libprotobuf-dev \
	libprotobuf-c-dev libgrpc-dev libevent-dev libmbedtls-dev libsodium-dev libssl-dev libssh2-1-dev libpq-dev \
	libsqlite3-dev libcyaml-dev libyaml-dev libjansson-dev liboath-dev libqrencode-dev libzstd-dev libpam0g-dev \
	libsystemd-dev libseccomp-dev scdoc $(if $(filter x86_64,$(shell uname -m)),libipsec-mb-dev)
DEMO_PACKAGES := $(BUILD_PACKAGES) python3 postgresql-15 openssh-client openssh-sftp-server ca-certificates curl \
	procps
TEST_PACKAGES := $(DEMO_PACKAGES) libcmocka-dev clang libclang-rt-14-dev wasi-libc python3-pytest python3-pytest-xdist python3-pexpect \
	python3-paramiko python3-asyncssh python3-psycopg2 python3-grpcio python3-protobuf python3-cryptography \
	python3-grpc-tools openssh-server rsync git curl jq oathtool \
	iproute2 clustershell systemd systemd-container mmdebstrap mandoc zstd putty-tools openssl \
	openssh-tests golang-go golang-golang-x-crypto-dev libssh-dev lftp sshfs ansible-core chromium fonts-dejavu-core zsh fish

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

.PHONY: deps deps-demo deps-unit deps-test
deps: ## installs what building needs
	$(call install_missing,$(BUILD_PACKAGES))
deps-demo: ## ... and what the demonstration needs
	$(call install_missing,$(DEMO_PACKAGES))
deps-unit: ## ... and what the unit tests need
	$(call install_missing,$(UNIT_PACKAGES))
deps-test: ## ... and what the tests need
	$(call install_missing,$(TEST_PACKAGES))
