# What is built from what. Sources are found by folder; the floors are in docs/LAYERS.
FLOORS := base event conf cli policy crypto profile net http priv store db ledger rec rpc ssh session api view daemon

PROTOS   := $(wildcard proto/*.proto)
GEN_C    := $(PROTOS:proto/%.proto=$(B)/gen/proto/%.pb-c.c)
GEN_O    := $(GEN_C:.c=.o)
# Messages of tests only, included as "tests/NAME.pb-c.h".
TPROTOS  := $(wildcard tests/proto/*.proto)
TGEN_C   := $(TPROTOS:tests/proto/%.proto=$(B)/gen/tests/%.pb-c.c)
TGEN_O   := $(TGEN_C:.c=.o)
.SECONDARY: $(GEN_C) $(TGEN_C)

lib_src   = $(wildcard lib/$(1)/*.c)
lib_obj   = $(patsubst %.c,$(B)/%.o,$(call lib_src,$(1)))
LIBS     := $(foreach f,$(FLOORS),$(if $(call lib_src,$(f)),$(B)/lib$(f).a))
PROTO_A  := $(B)/libproto.a

# Programs: name, folder, folder of installation.
DAEMONS  := authd:auth proxyd:proxy noded:node auditd:audit
CLIENTS  := tsh:tsh tctl:tctl
prog_src  = $(wildcard $(1)/*.c)
PROGRAMS := $(foreach d,$(DAEMONS),$(if $(wildcard services/$(lastword $(subst :, ,$(d)))/main.c),$(B)/$(firstword $(subst :, ,$(d))))) \
	    $(foreach c,$(CLIENTS),$(if $(wildcard clients/$(lastword $(subst :, ,$(c)))/main.c),$(B)/$(firstword $(subst :, ,$(c)))))

# All of lib, upper floors first; the linker takes what is used (--as-needed drops the libraries that are not).
LINK_LIBS = -Wl,--start-group $(LIBS) $(PROTO_A) -Wl,--end-group
SYS_LIBS := -lgrpc -lgpr -lprotobuf-c -levent_core -levent_extra -lmbedtls -lmbedx509 -lmbedcrypto -lsodium -lcrypto $(IPSEC_MB_LIB) -lpq \
	    -lsqlite3 -lcyaml -lyaml -ljansson -loath -lqrencode -lzstd -lpam -lsystemd -lseccomp -lpthread -lm

# noded's privileged half is a program of its own, so that it carries neither gRPC nor the SSH engine's connections.
MONITOR_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard services/node/monitor/*.c) services/node/conf.c \
	       services/node/monitor_proto.c)
PROGRAMS += $(B)/noded-monitor

.PHONY: build clean
build: $(PROGRAMS) ## all daemons and clients, in $(B)
clean: ## removes the build folder
	rm -rf $(B)

$(B)/gen/proto/%.pb-c.c $(B)/gen/proto/%.pb-c.h: proto/%.proto
	@mkdir -p $(@D)
	@echo "  PROTO $<"
	$(Q)protoc-c -Iproto -I/usr/include --c_out=$(B)/gen/proto $<
$(B)/gen/proto/%.pb-c.o: $(B)/gen/proto/%.pb-c.c
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -Wundef -Wshadow,$(CFLAGS)) -c -o $@ $<
$(B)/gen/tests/%.pb-c.c $(B)/gen/tests/%.pb-c.h: tests/proto/%.proto
	@mkdir -p $(@D)
	@echo "  PROTO $<"
	$(Q)protoc-c -Itests/proto -I/usr/include --c_out=$(B)/gen/tests $<
$(TGEN_O): %.o: %.c
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -Wundef -Wshadow,$(CFLAGS)) -c -o $@ $<
$(PROTO_A): $(GEN_O) $(TGEN_O)
	@rm -f $@; ar rcs $@ $^

$(B)/%.o: %.c | $(GEN_C) $(TGEN_C)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The pages that proxyd serves are inside it.
$(B)/services/proxy/asset.o: $(wildcard web/*)

# The SQL of auditd's schema, as rows of a C table.
SCHEMA_SQL := $(sort $(wildcard services/audit/schema/*.sql))
$(B)/gen/audit/schema.inc: $(SCHEMA_SQL) tools/embed-sql
	@mkdir -p $(@D)
	tools/embed-sql $(SCHEMA_SQL) > $@
$(B)/services/audit/store_schema.o: $(B)/gen/audit/schema.inc

define lib_rule
$(B)/lib$(1).a: $(call lib_obj,$(1))
	@rm -f $$@; ar rcs $$@ $$^
endef
$(foreach f,$(FLOORS),$(if $(call lib_src,$(f)),$(eval $(call lib_rule,$(f)))))

define prog_rule
$(B)/$(1): $(patsubst %.c,$(B)/%.o,$(call prog_src,$(2))) $(LIBS) $(PROTO_A)
	@echo "  LINK  $$@"
	$(Q)$(CC) $(LDFLAGS) -o $$@ $(patsubst %.c,$(B)/%.o,$(call prog_src,$(2))) $$(LINK_LIBS) $$(SYS_LIBS)
endef
$(foreach d,$(DAEMONS),$(eval $(call prog_rule,$(firstword $(subst :, ,$(d))),services/$(lastword $(subst :, ,$(d))))))
$(foreach c,$(CLIENTS),$(eval $(call prog_rule,$(firstword $(subst :, ,$(c))),clients/$(lastword $(subst :, ,$(c))))))

$(B)/noded-monitor: $(MONITOR_OBJ) $(LIBS) $(PROTO_A)
	$(CC) $(LDFLAGS) -o $@ $(MONITOR_OBJ) $(LINK_LIBS) $(SYS_LIBS)

# Unit tests mirror the tree: tests/unit/lib/FLOOR/NAME_test.c links FLOOR and the floors below it, so that a wrong arrow
# does not link. Tests of a program's files (tests/unit/services/node/..., clients/tsh/...) name their objects in objects.mk.
UNIT_SRC  := $(sort $(shell find tests/unit -name '*_test.c'))
UNIT_BIN  := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
below_base    := base
below_event   := event base
below_conf    := conf base
below_cli     := cli base
below_policy  := policy base
below_crypto  := crypto base
below_net     := net base event crypto
below_http    := http base event net crypto
below_priv    := priv base event
below_store   := store base event
below_db      := db base event
below_ledger  := ledger base crypto
below_rec     := rec base
below_profile := profile base
below_rpc     := rpc base event crypto
below_ssh     := ssh base crypto event
below_session := session ssh rec base crypto event
floor_of       = $(if $(filter lib/%,$(1)),$(word 2,$(subst /, ,$(1))))
unit_libs      = $(foreach f,$(or $(below_$(call floor_of,$(1))),$(FLOORS)),$(if $(call lib_src,$(f)),$(B)/lib$(f).a))
include tests/unit/objects.mk
$(B)/tests/unit/%.o: CPPFLAGS += -Itests/unit
define unit_rule
$(B)/unit/$(1): $(B)/tests/unit/$(1).o $(UNIT_OBJ_$(1):%=$(B)/%) $(call unit_libs,$(1)) $(PROTO_A)
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	$(Q)$(CC) $(LDFLAGS) -o $$@ $(B)/tests/unit/$(1).o $(UNIT_OBJ_$(1):%=$(B)/%) -Wl,--start-group $(call unit_libs,$(1)) $(PROTO_A) -Wl,--end-group -lcmocka $$(SYS_LIBS)
endef
$(foreach t,$(UNIT_SRC:tests/unit/%.c=%),$(eval $(call unit_rule,$(t))))

# Fuzz targets: tests/fuzz/NAME.c with LLVMFuzzerTestOneInput, built by clang with ASan in a folder of its own.
FUZZ_SRC  := $(wildcard tests/fuzz/*.c)
FUZZ_BIN  := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
FUZZFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
FUZZ_FLOORS := base crypto ssh session net http rec rpc event ledger policy db
# Files of services that parse what strangers send.
FUZZ_SERVICES := $(addprefix services/audit/,record.c rpc_record.c json.c batch.c)
FUZZ_OBJ  := $(FUZZ_SERVICES:%.c=$(B)/fuzzobj/%.o) $(foreach f,$(FUZZ_FLOORS),$(patsubst %.c,$(B)/fuzzobj/%.o,$(call lib_src,$(f))))
$(B)/fuzzobj/%.o: %.c | $(GEN_C) $(TGEN_C)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)clang $(CPPFLAGS) -DFUZZING -std=c11 -g -O1 $(FUZZFLAGS) -MMD -MP -c -o $@ $<
$(B)/libfuzzed.a: $(FUZZ_OBJ)
	@rm -f $@; ar rcs $@ $^
$(B)/fuzz/%: tests/fuzz/%.c $(B)/libfuzzed.a $(PROTO_A)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)clang $(CPPFLAGS) -DFUZZING -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-Wl,--as-needed -o $@ $< -Wl,--start-group $(B)/libfuzzed.a $(PROTO_A) -Wl,--end-group $(SYS_LIBS)

# Helper programs of tests and benchmarks: tests/tools/NAME.c
TTOOL_SRC := $(wildcard tests/tools/*.c)
TTOOL_BIN := $(TTOOL_SRC:tests/tools/%.c=$(B)/tools/%)
$(B)/tools/%: $(B)/tests/tools/%.o $(LIBS) $(PROTO_A)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(LINK_LIBS) $(SYS_LIBS)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
