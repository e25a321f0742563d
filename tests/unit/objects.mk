# What a unit test links besides its floor: the files of a service or client that it names, and helpers that tests share.
# UNIT_OBJ_<path of the test below tests/unit, without .c>
UNIT_OBJ_lib/api/audit_test      := tests/unit/pki.o
UNIT_OBJ_lib/api/join_test       := tests/unit/lib/api/join_world.o
UNIT_OBJ_lib/api/json_test       := tests/unit/no_memory.o
UNIT_OBJ_lib/crypto/x509_memory_test := tests/unit/no_memory.o
UNIT_OBJ_lib/crypto/sshcert_memory_test := tests/unit/no_memory.o
UNIT_OBJ_lib/crypto/webauthn_test := tests/unit/authenticator.o
UNIT_OBJ_lib/policy/memory_test  := tests/unit/no_memory.o
UNIT_OBJ_lib/http/fetch_test     := tests/unit/pki.o
UNIT_OBJ_lib/rpc/behalf_test     := tests/unit/lib/rpc/rpc_world.o tests/unit/pki.o
UNIT_OBJ_lib/rpc/call_test       := tests/unit/lib/rpc/rpc_world.o tests/unit/pki.o
UNIT_OBJ_lib/rpc/peer_test       := tests/unit/lib/rpc/rpc_world.o tests/unit/pki.o
UNIT_OBJ_lib/ssh/allowance_test  := tests/unit/lib/ssh/ssh_pair.o
UNIT_OBJ_lib/ssh/connection_test := tests/unit/lib/ssh/ssh_pair.o
UNIT_OBJ_lib/ssh/flow_test       := tests/unit/lib/ssh/ssh_pair.o
UNIT_OBJ_lib/ssh/hostile_test    := tests/unit/lib/ssh/ssh_pair.o
UNIT_OBJ_lib/ssh/loop_test       := tests/unit/lib/ssh/ssh_pair.o
UNIT_OBJ_lib/ssh/p256_test       := tests/unit/lib/ssh/ssh_pair.o
UNIT_OBJ_lib/ssh/packet_test     := tests/unit/lib/ssh/ssh_pair.o
UNIT_OBJ_lib/ssh/sign_test       := tests/unit/lib/ssh/ssh_pair.o
UNIT_OBJ_lib/ssh/small_suite_test := tests/unit/lib/ssh/ssh_pair.o
UNIT_OBJ_lib/ssh/stranger_test   := tests/unit/lib/ssh/ssh_pair.o

AUTHD_OBJ := $(filter-out services/auth/main.o,$(patsubst %.c,%.o,$(wildcard services/auth/*.c)))
UNIT_OBJ_services/auth/cutoff_list_test := $(AUTHD_OBJ)
UNIT_OBJ_services/auth/hosts_test  := $(AUTHD_OBJ)
UNIT_OBJ_services/auth/hosts_test  := $(AUTHD_OBJ) tests/unit/services/auth/auth_state.o
UNIT_OBJ_services/auth/hostname_test := $(AUTHD_OBJ) tests/unit/services/auth/auth_state.o
UNIT_OBJ_services/auth/lockout_test := $(AUTHD_OBJ) tests/unit/services/auth/auth_state.o
UNIT_OBJ_services/auth/approval_test := $(AUTHD_OBJ) tests/unit/services/auth/auth_world.o
UNIT_OBJ_services/auth/login_test  := $(AUTHD_OBJ) tests/unit/services/auth/auth_world.o tests/unit/services/auth/light_passwords.o
UNIT_OBJ_services/auth/factor_test := $(AUTHD_OBJ) tests/unit/services/auth/auth_world.o tests/unit/services/auth/light_passwords.o tests/unit/authenticator.o
JOIN_TEST_OBJ := $(AUTHD_OBJ) tests/unit/services/auth/auth_world.o tests/unit/services/auth/auth_joins.o
UNIT_OBJ_services/auth/join_test   := $(JOIN_TEST_OBJ)
UNIT_OBJ_services/auth/join_meanwhile_test := $(JOIN_TEST_OBJ)
UNIT_OBJ_services/auth/memory_test := $(AUTHD_OBJ) tests/unit/services/auth/auth_world.o tests/unit/no_memory.o tests/unit/services/auth/light_passwords.o
UNIT_OBJ_services/auth/nouns_test  := $(AUTHD_OBJ) tests/unit/services/auth/auth_state.o
UNIT_OBJ_services/auth/reach_test  := $(AUTHD_OBJ) tests/unit/services/auth/auth_state.o
UNIT_OBJ_services/auth/certify_test := $(AUTHD_OBJ) tests/unit/services/auth/auth_world.o
UNIT_OBJ_services/auth/web_login_test := $(AUTHD_OBJ) tests/unit/services/auth/auth_world.o tests/unit/services/auth/light_passwords.o
UNIT_OBJ_services/auth/web_session_test := $(AUTHD_OBJ) tests/unit/services/auth/auth_state.o
UNIT_OBJ_services/auth/resource_test := $(AUTHD_OBJ) tests/unit/services/auth/auth_state.o
UNIT_OBJ_services/auth/signer_test := $(patsubst %.c,%.o,$(wildcard services/auth/signer*.c)) services/auth/values.o

UNIT_OBJ_services/audit/sight_test  := services/audit/sight.o tests/unit/cluster.o
UNIT_OBJ_lib/profile/known_nodes_test := tests/unit/lib/profile/profile_home.o
UNIT_OBJ_lib/profile/profile_test := tests/unit/lib/profile/profile_home.o
UNIT_OBJ_lib/rec/log_test    := tests/unit/lib/rec/log_folder.o
UNIT_OBJ_lib/rec/log_packed_test := tests/unit/lib/rec/log_folder.o
UNIT_OBJ_lib/rec/log_limits_test := tests/unit/lib/rec/log_folder.o
UNIT_OBJ_lib/rec/log_memory_test := tests/unit/lib/rec/log_folder.o tests/unit/no_memory.o
UNIT_OBJ_lib/replica/feed_test    := tests/unit/cluster.o
UNIT_OBJ_lib/replica/web_test     := tests/unit/cluster.o
UNIT_OBJ_lib/replica/replica_test := tests/unit/cluster.o
AUDIT_RECORD := $(addprefix services/audit/,judge.o proof.o facts.o record.o rpc_record.o json.o) \
		tests/unit/services/audit/audit_world.o
AUDIT_BATCH  := $(AUDIT_RECORD) $(addprefix services/audit/,batch.o batch_session.o words.o)
UNIT_OBJ_services/audit/batch_test  := $(AUDIT_BATCH)
UNIT_OBJ_services/audit/cursor_test := services/audit/cursor.o $(AUDIT_RECORD)
UNIT_OBJ_services/audit/facts_test  := services/audit/facts.o
UNIT_OBJ_services/audit/words_test  := services/audit/words.o
AUDIT_INGEST := $(AUDIT_BATCH) $(addprefix services/audit/,ingest.o writer.o group.o source.o) \
		tests/unit/services/audit/ingest_world.o
UNIT_OBJ_services/audit/ingest_test := $(AUDIT_INGEST)
UNIT_OBJ_services/audit/source_test := $(AUDIT_INGEST)
UNIT_OBJ_services/audit/judge_test  := $(AUDIT_RECORD)
UNIT_OBJ_services/audit/proof_test  := $(AUDIT_RECORD)
UNIT_OBJ_services/audit/record_test := $(AUDIT_RECORD)

NODE_MONITOR_UNIT := $(patsubst %.c,%.o,$(filter-out %/main.c,$(wildcard services/node/monitor/*.c))) services/node/conf.o services/node/transfer_command.o \
		     services/node/monitor_proto.o tests/unit/services/node/monitor/node_world.o
UNIT_OBJ_services/node/monitor/auth_test    := $(NODE_MONITOR_UNIT) tests/unit/no_memory.o
UNIT_OBJ_services/node/monitor/environ_test := services/node/monitor/environ.o services/node/conf.o
UNIT_OBJ_services/node/monitor/connection_test := $(NODE_MONITOR_UNIT) tests/unit/services/node/monitor/fake_worker.o
UNIT_OBJ_services/node/monitor/monitor_test := $(NODE_MONITOR_UNIT) tests/unit/services/node/monitor/fake_worker.o
UNIT_OBJ_services/node/monitor/cgroup_test := services/node/monitor/cgroup.o
UNIT_OBJ_services/node/monitor/reaper_test := services/node/monitor/reaper.o
UNIT_OBJ_services/node/monitor/life_test := $(NODE_MONITOR_UNIT) tests/unit/services/node/monitor/fake_worker.o

UNIT_OBJ_services/proxy/conf_test       := services/proxy/conf.o
UNIT_OBJ_services/proxy/packages_test   := services/proxy/packages.o services/proxy/served.o
UNIT_OBJ_services/proxy/web_share_test  := services/proxy/web_share.o
UNIT_OBJ_services/proxy/site_test       := services/proxy/site.o services/proxy/served.o
UNIT_OBJ_services/proxy/page_test       := services/proxy/web_page.o
UNIT_OBJ_services/proxy/resolve_test    := services/proxy/resolve.o tests/unit/cluster.o
PROXY_WORLD := tests/unit/services/proxy/proxy_world.o tests/unit/cluster.o \
	$(patsubst %.c,%.o,$(filter-out services/proxy/main.c,$(wildcard services/proxy/*.c)))
UNIT_OBJ_services/proxy/ssh_server_test := $(PROXY_WORLD)
UNIT_OBJ_services/proxy/relay_wait_test := $(PROXY_WORLD)
UNIT_OBJ_services/proxy/web_certificate_test := $(PROXY_WORLD)

TSH_OBJ := $(filter-out clients/tsh/main.o,$(patsubst %.c,%.o,$(wildcard clients/tsh/*.c)))
UNIT_OBJ_clients/tsh/export_test := clients/tsh/export.o
UNIT_OBJ_clients/tsh/screen_test := clients/tsh/screen.o
UNIT_OBJ_clients/tsh/scp_test    := $(filter-out clients/tsh/cmd_%.o,$(TSH_OBJ))
UNIT_OBJ_clients/tsh/term_test   := clients/tsh/term.o
UNIT_OBJ_clients/tsh/webhashes_test := clients/tsh/webhashes.o
UNIT_OBJ_clients/tctl/form_test  := $(filter-out clients/tctl/main.o,$(patsubst %.c,%.o,$(wildcard clients/tctl/*.c)))
UNIT_OBJ_clients/tctl/top_test   := clients/tctl/top.o
UNIT_OBJ_clients/tctl/place_test := clients/tctl/place.o
UNIT_OBJ_clients/tctl/words_test := clients/tctl/labels.o clients/tctl/tctl.o
UNIT_OBJ_lib/session/sftp_engine_test := tests/unit/lib/session/sftp_server.o
UNIT_OBJ_lib/session/sftp_body_test   := tests/unit/lib/session/sftp_server.o
UNIT_OBJ_services/node/idle_judge_test := services/node/idle_judge.o
UNIT_OBJ_services/node/session_state_test := services/node/session_state.o
NODE_SERVE_UNIT := $(patsubst %.c,%.o,$(wildcard services/node/session*.c)) tests/unit/services/node/serve_world.o tests/unit/services/node/fake_monitor.o \
	$(addprefix services/node/,events.o channel.o conf.o idle.o idle_judge.o live.o recording.o share.o monitor_client.o monitor_proto.o serve.o stream.o transfer.o transfer_command.o)
UNIT_OBJ_services/node/transfer_command_test := services/node/transfer_command.o services/node/conf.o
UNIT_OBJ_services/node/session_test := $(NODE_SERVE_UNIT)
UNIT_OBJ_services/node/serve_test   := $(NODE_SERVE_UNIT)
UNIT_OBJ_services/node/transfer_test := $(NODE_SERVE_UNIT)
UNIT_OBJ_services/node/live_test    := $(NODE_SERVE_UNIT)
UNIT_OBJ_services/node/stream_test  := $(NODE_SERVE_UNIT)
