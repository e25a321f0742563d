# Compiler and linker flags, and which packages each floor links.
# Not for packages: the next compiler may warn of something else.
WERROR   ?= -Werror
WARN     := -Wall -Wextra $(WERROR) -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	    -Wformat=2 -Wundef -Wwrite-strings -Wno-missing-field-initializers
HARDEN   := -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 -fPIE
HARDEN   += $(if $(filter x86_64 i%86,$(shell uname -m)),-fcf-protection)
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT      ?= -O2
CPPFLAGS := -D_GNU_SOURCE -Ilib -Iservices -Iclients -I$(B)/gen
CFLAGS   := -std=c11 -g $(OPT) $(WARN) $(if $(SAN),$(SANFLAGS) -fPIE,$(HARDEN))
LDFLAGS  := $(LDHARDEN) $(if $(SAN),$(SANFLAGS))

pc = $(shell pkg-config $(1) 2>/dev/null)
PKG_CFLAGS := $(call pc,--cflags libevent libprotobuf-c libsodium libpq sqlite3 libcyaml jansson libzstd libsystemd \
	      libseccomp libqrencode liboath libfido2)
CPPFLAGS += $(PKG_CFLAGS)

# Intel's multi-buffer library is on x86-64 only, and may be missing there too, when building and when running; lib/crypto/gcm.h
CPPFLAGS += $(if $(wildcard /usr/include/intel-ipsec-mb.h),-DHAVE_IPSEC_MB)
