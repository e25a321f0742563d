# Objects that unit tests share.
UNIT_OBJ_rpc_call_test := tests/unit/rpc_world.o tests/unit/rpc_pki.o
UNIT_OBJ_rpc_peer_test := tests/unit/rpc_world.o tests/unit/rpc_pki.o
UNIT_OBJ_ssh_connection_test := tests/unit/ssh_pair.o
UNIT_OBJ_auth_signer_test := $(patsubst %.c,%.o,$(wildcard services/auth/signer*.c))
UNIT_OBJ_api_audit_test := tests/unit/rpc_pki.o
UNIT_OBJ_ssh_flow_test := tests/unit/ssh_pair.o
UNIT_OBJ_proxy_resolve_test := services/proxy/resolve.o services/proxy/visitor.o services/proxy/roster.o
UNIT_OBJ_proxy_page_test    := services/proxy/web_page.o services/proxy/rate.o
UNIT_OBJ_http_fetch_test := tests/unit/rpc_pki.o
UNIT_OBJ_ssh_hostile_test := tests/unit/ssh_pair.o
UNIT_OBJ_ssh_stranger_test := tests/unit/ssh_pair.o
UNIT_OBJ_ssh_loop_test := tests/unit/ssh_pair.o
NODE_MONITOR_UNIT := $(patsubst %.c,%.o,$(filter-out %/main.c,$(wildcard services/node/monitor/*.c))) services/node/config.o \
		     services/node/monitor_proto.o tests/unit/node_world.o
UNIT_OBJ_node_auth_test    := $(NODE_MONITOR_UNIT)
UNIT_OBJ_node_monitor_test := $(NODE_MONITOR_UNIT)
UNIT_OBJ_proxy_gate_test    := tests/unit/proxy_world.o $(patsubst %.c,%.o,$(filter-out services/proxy/main.c,$(wildcard services/proxy/*.c)))
AUTHD_OBJ := $(filter-out services/auth/main.o,$(patsubst %.c,%.o,$(wildcard services/auth/*.c)))
UNIT_OBJ_auth_nouns_test := $(AUTHD_OBJ)
UNIT_OBJ_auth_nodes_test := $(AUTHD_OBJ)
UNIT_OBJ_node_record_test  := services/node/record.o
UNIT_OBJ_audit_record_test := $(addprefix services/audit/,record.o rpc_record.o json.o batch.o)
UNIT_OBJ_audit_access_test := services/audit/access.o
TSH_OBJ := $(filter-out clients/tsh/main.o,$(patsubst %.c,%.o,$(wildcard clients/tsh/*.c)))
UNIT_OBJ_tsh_term_test   := clients/tsh/term.o
UNIT_OBJ_tsh_scp_test    := $(filter-out clients/tsh/cmd_%.o,$(TSH_OBJ))
UNIT_OBJ_tsh_export_test := clients/tsh/export.o
