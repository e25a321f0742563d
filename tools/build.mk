# What is built from what. Sources are found by folder; which floors there are, and their order, say docs/LAYERS alone.
#
# A row "net: base event" of docs/LAYERS becomes the word net:base,event; FLOORS are the rows that are no program, the
# lowest floor first, and a floor's row names only rows before it. So the libraries of a floor stand in an order in which
# one pass of the linker is enough, and a wrong arrow does not link.
comma      := ,
space      := $() $()
LAYERS     := $(shell sed -e 's/\#.*//' -e 's/ *: */:/' -e 's/  */,/g' -e 's/,$$//' docs/LAYERS)
layer_name  = $(firstword $(subst :, ,$(1)))
$(foreach l,$(LAYERS),$(eval allow_$(call layer_name,$(l)) := $(subst $(comma), ,$(word 2,$(subst :, ,$(l))))))
FLOORS     := $(foreach l,$(LAYERS),$(if $(findstring /,$(call layer_name,$(l))),,$(call layer_name,$(l))))
# What a row stands on, the floors of its floors too, the uppermost first. Computed once for each, from the bottom up.
reverse     = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
$(foreach l,$(LAYERS),$(eval below_$(call layer_name,$(l)) := $(sort $(foreach f,$(allow_$(call layer_name,$(l))),$(f) $(below_$(f))))))
TOP_DOWN   := $(call reverse,$(FLOORS))

PROTOS   := $(wildcard proto/*.proto)
GEN_C    := $(PROTOS:proto/%.proto=$(B)/gen/proto/%.pb-c.c)
GEN_O    := $(GEN_C:.c=.o)
# Messages of tests only, included as "tests/NAME.pb-c.h".
TPROTOS  := $(wildcard tests/proto/*.proto)
TGEN_C   := $(TPROTOS:tests/proto/%.proto=$(B)/gen/tests/%.pb-c.c)
TGEN_O   := $(TGEN_C:.c=.o)
# Typed stubs of what serves: "proto/NAME.server.h", ".async.h", ".sync.h"; see tools/gen-stubs.
STUBS    := server async sync
SERVICES := $(shell grep -l '^service ' $(PROTOS))
STUB_H   := $(foreach s,$(STUBS),$(SERVICES:proto/%.proto=$(B)/gen/proto/%.$(s).h)) \
	    $(foreach s,server async,$(TPROTOS:tests/proto/%.proto=$(B)/gen/tests/%.$(s).h))
GENERATED := $(GEN_C) $(TGEN_C) $(STUB_H)
.SECONDARY: $(GENERATED)

lib_src   = $(wildcard lib/$(1)/*.c)
lib_obj   = $(patsubst %.c,$(B)/%.o,$(call lib_src,$(1)))
PROTO_A  := $(B)/libproto.a
TPROTO_A := $(B)/libtestproto.a
# The libraries of floors (in any order), as the linker wants them; generated messages are below all that use them.
libs_of   = $(foreach f,$(TOP_DOWN),$(if $(and $(filter $(f),$(1)),$(call lib_src,$(f))),$(B)/lib$(f).a)) $(if $(filter proto,$(1)),$(PROTO_A))
LIBS     := $(call libs_of,$(FLOORS) proto)

# The SSH engine without the files that know a library, a terminal, a socket or the loop: what runs in a browser.
ENGINE_SRC := $(addprefix lib/,base/buf.c base/err.c base/str.c base/wire.c crypto/cipher.c crypto/kex.c crypto/kex_hash.c crypto/sshcert.c \
	      crypto/sshcert_check.c crypto/sshkey.c crypto/sshkey_verify.c) \
	      $(filter-out $(addprefix lib/ssh/,allowance.c fuzz.c loop.c modes_termios.c),$(call lib_src,ssh))

# Programs: name, folder, folder of installation.
DAEMONS  := authd:auth proxyd:proxy noded:node auditd:audit
CLIENTS  := tsh:tsh tctl:tctl
prog_src  = $(wildcard $(1)/*.c)
PROGRAMS := $(foreach d,$(DAEMONS),$(if $(wildcard services/$(lastword $(subst :, ,$(d)))/main.c),$(B)/$(firstword $(subst :, ,$(d))))) \
	    $(foreach c,$(CLIENTS),$(if $(wildcard clients/$(lastword $(subst :, ,$(c)))/main.c),$(B)/$(firstword $(subst :, ,$(c)))))

# The linker takes of these what is used (--as-needed drops the others).
SYS_LIBS := -lgrpc -lgpr -lprotobuf-c -levent_core -levent_extra -lmbedtls -lmbedx509 -lmbedcrypto -lsodium -lcrypto -lpq \
	    -lsqlite3 -lcyaml -lyaml -ljansson -lwslay -loath -lfido2 -lzxcvbn -lqrencode -lzstd -lz -lpam -lsystemd -lseccomp -lpthread -lm

# noded's privileged half is a program of its own, so that it carries neither gRPC nor the SSH engine's connections.
MONITOR_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard services/node/monitor/*.c) services/node/conf.c services/node/transfer_command.c \
	       services/node/monitor_proto.c)
PROGRAMS += $(B)/noded-monitor

.PHONY: build clean
build: $(PROGRAMS) ## all daemons and clients, in $(B)
clean: ## removes the build folder
	rm -rf $(B)

$(B)/gen/proto/%.pb-c.c $(B)/gen/proto/%.pb-c.h: proto/%.proto
	@mkdir -p $(@D)
	@echo "  PROTO $<"
	$(Q)protoc -Iproto -I/usr/include --c_out=$(B)/gen/proto $<
$(B)/gen/proto/%.pb-c.o: $(B)/gen/proto/%.pb-c.c
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -Wundef -Wshadow,$(CFLAGS)) -c -o $@ $<
$(B)/gen/tests/%.pb-c.c $(B)/gen/tests/%.pb-c.h: tests/proto/%.proto
	@mkdir -p $(@D)
	@echo "  PROTO $<"
	$(Q)protoc -Itests/proto -I/usr/include --c_out=$(B)/gen/tests $<
$(TGEN_O): %.o: %.c
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -Wundef -Wshadow,$(CFLAGS)) -c -o $@ $<
define stub_rule
$(B)/gen/proto/%.$(1).h: proto/%.proto tools/gen-stubs
	@mkdir -p $$(@D)
	@echo "  STUBS $$@"
	$(Q)tools/gen-stubs $(1) proto $$< > $$@
$(B)/gen/tests/%.$(1).h: tests/proto/%.proto tools/gen-stubs
	@mkdir -p $$(@D)
	@echo "  STUBS $$@"
	$(Q)tools/gen-stubs $(1) tests $$< > $$@
endef
$(foreach s,$(STUBS),$(eval $(call stub_rule,$(s))))
$(PROTO_A): $(GEN_O)
	@rm -f $@; ar rcs $@ $^
$(TPROTO_A): $(TGEN_O)
	@rm -f $@; ar rcs $@ $^

$(B)/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The pages that proxyd serves are inside it.
$(B)/services/proxy/asset.o: $(wildcard web/*.* web/app/securitykey.mjs)

# The SQL of auditd's schema, as rows of a C table.
SCHEMA_SQL := $(sort $(wildcard services/audit/schema/*.sql))
$(B)/gen/audit/schema.inc: $(SCHEMA_SQL) services/audit/rights.sql tools/embed-sql
	@mkdir -p $(@D)
	tools/embed-sql $(SCHEMA_SQL) services/audit/rights.sql > $@
$(B)/services/audit/store_schema.o: $(B)/gen/audit/schema.inc

# An archive is made again also when a source went away: NAME.list says of what it was made. The shell compares: make's own
# $(file <) misreads one list in some hundred, and then programs would be linked anew while tests run them.
keep_list  = IFS= read -r old < $(1) && [ "$$old" = "$(2)" ] || echo "$(2)" > $(1);
$(shell mkdir -p $(B); exec 2>/dev/null; $(foreach f,$(FLOORS),$(call keep_list,$(B)/lib$(f).list,$(call lib_src,$(f)))))
define lib_rule
$(B)/lib$(1).a: $(call lib_obj,$(1)) $(B)/lib$(1).list
	@rm -f $$@; ar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach f,$(FLOORS),$(if $(call lib_src,$(f)),$(eval $(call lib_rule,$(f)))))

# $(1) the program, $(2) its folder and row of docs/LAYERS.
define prog_rule
$(B)/$(1): $(patsubst %.c,$(B)/%.o,$(call prog_src,$(2))) $(call libs_of,$(below_$(2)))
	@echo "  LINK  $$@"
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ $$(SYS_LIBS)
endef
$(foreach d,$(DAEMONS),$(eval $(call prog_rule,$(firstword $(subst :, ,$(d))),services/$(lastword $(subst :, ,$(d))))))

# Clients load gRPC when they make their first call.
LAZY_GRPC := $(B)/gen/lazy_grpc
$(LAZY_GRPC).c: $(B)/librpc.a tools/gen-lazy
	@echo "  LAZY  $@"
	$(Q)CC="$(CC)" tools/gen-lazy grpc "grpc|gpr" $< $(wildcard lib/rpc/*.[ch]) > $@.new && mv $@.new $@
$(LAZY_GRPC).o: $(LAZY_GRPC).c
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
define client_rule
$(B)/$(1): $(patsubst %.c,$(B)/%.o,$(call prog_src,$(2))) $(LAZY_GRPC).o $(call libs_of,$(below_$(2)))
	@echo "  LINK  $$@"
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ $$(filter-out -lgrpc -lgpr,$$(SYS_LIBS))
endef
$(foreach c,$(CLIENTS),$(eval $(call client_rule,$(firstword $(subst :, ,$(c))),clients/$(lastword $(subst :, ,$(c))))))

$(B)/noded-monitor: $(MONITOR_OBJ) $(call libs_of,$(below_services/node))
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(SYS_LIBS)

# Unit tests mirror the tree: tests/unit/lib/FLOOR/NAME_test.c links FLOOR and the floors below it, so that a wrong arrow
# does not link. Tests of a program's files (tests/unit/services/node/..., clients/tsh/...) name their objects in objects.mk.
UNIT_SRC  := $(sort $(shell find tests/unit -name '*_test.c'))
UNIT_BIN  := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
# lib/ssh/flow_test: ssh and what is below it; services/node/monitor/auth_test: what is below services/node.
unit_row   = $(if $(filter lib/%,$(1)),$(word 2,$(subst /, ,$(1))),$(subst $(space),/,$(wordlist 1,2,$(subst /, ,$(1)))))
unit_libs  = $(call libs_of,$(call unit_row,$(1)) $(below_$(call unit_row,$(1))))
include tests/unit/objects.mk
$(B)/tests/unit/%.o: CPPFLAGS += -Itests/unit
define unit_rule
$(B)/unit/$(1): $(B)/tests/unit/$(1).o $(UNIT_OBJ_$(1):%=$(B)/%) $(call unit_libs,$(1)) $(TPROTO_A)
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ -lcmocka $$(SYS_LIBS)
endef
$(foreach t,$(UNIT_SRC:tests/unit/%.c=%),$(eval $(call unit_rule,$(t))))

# Fuzz targets: tests/fuzz/NAME.c with LLVMFuzzerTestOneInput, built by clang with ASan in a folder of its own.
FUZZ_SRC  := $(wildcard tests/fuzz/*.c)
FUZZ_BIN  := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
FUZZFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
# Files of programs that parse what strangers send.
FUZZ_SERVICES := $(addprefix services/audit/,record.c rpc_record.c json.c batch.c batch_session.c words.c judge.c proof.c facts.c) \
	$(addprefix services/node/,conf.c transfer_command.c) $(addprefix clients/tsh/,screen.c webcompare.c webhashes.c)
# The floors that targets and these files include, and those below.
FUZZ_USED   := $(filter $(FLOORS),$(shell sed -n 's|^\#include "\([a-z]*\)/.*|\1|p' $(FUZZ_SRC) $(FUZZ_SERVICES) $(wildcard $(FUZZ_SERVICES:.c=.h))))
FUZZ_FLOORS := $(sort $(foreach f,$(FUZZ_USED),$(f) $(below_$(f))))
FUZZ_OBJ  := $(FUZZ_SERVICES:%.c=$(B)/fuzzobj/%.o) $(foreach f,$(FUZZ_FLOORS),$(patsubst %.c,$(B)/fuzzobj/%.o,$(call lib_src,$(f))))
$(B)/fuzzobj/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)clang $(CPPFLAGS) -DFUZZING -std=c11 -g -O1 $(FUZZFLAGS) -MMD -MP -c -o $@ $<
$(B)/libfuzzed.a: $(FUZZ_OBJ)
	@rm -f $@; ar rcs $@ $^
$(B)/fuzz/%: tests/fuzz/%.c $(B)/libfuzzed.a $(PROTO_A) $(TPROTO_A)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)clang $(CPPFLAGS) -DFUZZING -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-Wl,--as-needed -o $@ $^ $(SYS_LIBS)

# Helper programs of tests and benchmarks: tests/tools/NAME.c
TTOOL_SRC := $(wildcard tests/tools/*.c)
TTOOL_BIN := $(TTOOL_SRC:tests/tools/%.c=$(B)/tools/%)
$(B)/tools/%: $(B)/tests/tools/%.o $(LIBS) $(TPROTO_A)
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(SYS_LIBS)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
