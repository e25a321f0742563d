# The Debian packages that building, testing and linting need; each is named with its purpose in README.md.
APT := apt-get -o DPkg::Lock::Timeout=300 -qq -y --no-install-recommends
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
BUILD_PACKAGES := gcc libc6-dev pkg-config protobuf-c-compiler protobuf-compiler libprotobuf-dev \
	libprotobuf-c-dev libgrpc-dev libevent-dev libmbedtls-dev libsodium-dev libssh2-1-dev libpq-dev \
	libsqlite3-dev libcyaml-dev libyaml-dev libjansson-dev liboath-dev libqrencode-dev libzstd-dev libpam0g-dev \
	libsystemd-dev libseccomp-dev scdoc
DEMO_PACKAGES := $(BUILD_PACKAGES) postgresql-15 openssh-client openssh-sftp-server curl jq oathtool python3 \
	ca-certificates
TEST_PACKAGES := $(DEMO_PACKAGES) libcmocka-dev clang libclang-rt-14-dev python3-pytest python3-pexpect \
	python3-paramiko python3-psycopg2 openssh-server rsync git iproute2 procps systemd-container \
	mmdebstrap clang-format
