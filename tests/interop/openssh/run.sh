#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one of OpenSSH's regression scripts (package openssh-tests) against a node: run.sh OBJ SCRIPT. In OBJ stand ssh_config,
# ssh_proxy, and the programs ssh and netcat (openssh_regress.py makes them). The names are those that the scripts take from their
# own test-exec.sh, which starts an sshd; here there is a node instead.
OBJ=$1 SCRIPT=$2
SRC=$(dirname "$SCRIPT")
PORT=3022
USER=$(id -un)
SSH=$OBJ/ssh REAL_SSH=/usr/bin/ssh SCP=scp SFTP=sftp SFTPSERVER=/usr/lib/openssh/sftp-server SSHD=/usr/sbin/sshd SUDO=
NC=$OBJ/netcat
DATA=$OBJ/data COPY=$OBJ/copy
TEST_SSH_LOGFILE=$OBJ/ssh.log TEST_REGRESS_LOGFILE=$OBJ/regress.log TEST_SSHD_LOGFILE=$OBJ/sshd.log
RESULT=0
export OBJ PORT USER SSH SCP SFTP TEST_SSH_LOGFILE

cat "$REAL_SSH" >"$DATA"
: >"$OBJ/sshd_proxy"
: >"$OBJ/sshd_config"

trace() { :; }
verbose() { :; }
save_debug_log() { :; }
cleanup() { :; }
start_sshd() { :; }
stop_sshd() { :; }
maybe_add_scp_path_to_sshd() { :; }
config_defined() { return 1; }
md5() { md5sum; }
fail() {
	echo "FAIL: $*"
	RESULT=1
}
fatal() {
	fail "$@"
	exit 1
}
skip() { fatal "skipped: $*"; }
increase_datafile_size() {
	while [ "$(stat -c %s "$DATA")" -lt $(($1 * 1024)) ]; do
		cat "$REAL_SSH" >>"$DATA"
	done
}
make_tmpdir() { SSH_REGRESS_TMP=$(mktemp -d "$OBJ/tmp-XXXXXX"); }

. "$SCRIPT"
exit $RESULT
