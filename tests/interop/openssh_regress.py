# SPDX-License-Identifier: Apache-2.0
"""OpenSSH's own regression scripts: which of them say something about a server that is not sshd, and why the others do not."""
import os
import re
import subprocess

FOLDER = '/usr/lib/openssh/regress'
HERE = os.path.dirname(os.path.abspath(__file__))
PASS = 'pass'

# Scripts of a kind, and why none of them applies.
NOT_APPLICABLE = {
    'tests ssh-keygen alone':
        'keygen-change keygen-comment keygen-convert keygen-knownhosts keygen-moduli keygen-sshfp krl sshsig ssh-com-keygen brokenkeys',
    'tests the agent alone, or needs one beside sshd\'s own keys':
        'agent agent-getpeereid agent-pkcs11 agent-pkcs11-cert agent-pkcs11-restrict agent-ptrace agent-restrict agent-subprocess '
        'agent-timeout',
    'tests the client\'s configuration alone': 'addrmatch cfginclude host-expand percent sshcfgparse portnum knownhosts-command',
    'starts its own sshd with options that it is about; what they do is not an option here':
        'allow-deny-users authinfo banner cfgmatch cfgmatchlisten cfgparse channel-timeout connect-privsep connection-timeout '
        'envpass forcecommand hostbased hostkey-agent hostkey-rotate key-options keys-command keytype limit-keytype '
        'login-timeout multipubkey principals-command proxy-connect reconfigure reexec rekey servcfginclude knownhosts sshfp-connect '
        'dhgex integrity keyscan match-subsystem penalty penalty-expire',
    'makes its own CA and certificates for sshd; ours are tested with real ones, tests/e2e/test_openssh.py and test_rights.py':
        'cert-file cert-hostkey cert-userkey',
    'forwards ports, which nodes do not': 'dynamic-forward forward-control forwarding multiplex',
    'talks to sshd -i by hand; here tests/unit/lib/ssh/stranger_test.c': 'proto-mismatch proto-version',
    'runs sftp-server or scp on this machine, without a connection; the matrix has them over one':
        'scp scp-uri sftp sftp-badcmds sftp-batch sftp-chroot sftp-cmds sftp-glob sftp-perm sftp-resume sftp-uri scp3',
    'starts its own sshd with old RSA keys for the client; the matrix has PuTTY': 'putty-ciphers putty-kex putty-transfer',
    'needs dropbear\'s client, which has no certificates': 'dropbear-ciphers dropbear-kex',
    'needs a client that Debian does not have': 'conch-ciphers ssh-com ssh-com-client ssh-com-sftp',
    'names a configuration file that is not there, and cannot fail; here tests/e2e/test_compat.py': 'broken-pipe',
    'is no test': 'scp-ssh-wrapper ssh2putty sshd-log-wrapper test-exec valgrind-unit',
}
APPLICABLE = ('connect connect-uri exit-status exit-status-signal yes-head stderr-data stderr-after-eof transfer localcommand '
              'try-ciphers cipher-speed kextype').split()

SCRIPTS = {name: f'not applicable: {why}' for why, names in NOT_APPLICABLE.items() for name in names.split()}
SCRIPTS.update({name: PASS for name in APPLICABLE})
# Those that not every version has that Debian has.
NEWER = set('agent-pkcs11-cert agent-pkcs11-restrict dropbear-ciphers dropbear-kex match-subsystem penalty penalty-expire '
            'sftp-resume'.split())
OLDER = {'sshd-log-wrapper'}

OURS = {'cipher': 'aes256-gcm@openssh.com chacha20-poly1305@openssh.com aes256-ctr aes128-ctr',
        'mac': 'hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com hmac-sha2-256 hmac-sha2-512',
        'kex': 'curve25519-sha256 curve25519-sha256@libssh.org ecdh-sha2-nistp256'}


def prepare(world, folder):
    """What run.sh expects in its folder: configurations by which any name is node-1, and ssh as the scripts call it."""
    text = open(world.config).read()
    proxy, nodes = re.split(r'^Host \*\..*$', text, flags=re.M)
    nodes = '\n'.join('\t' + line.strip() for line in nodes.splitlines() if line.startswith(' ') and ' Port ' not in line)
    config = f'{proxy}\nHost * !{world.proxy_host}\n\tHostName {world.node}\n\tUser {world.login}\n\tPort 3022\n{nodes}\n'
    for name in ('ssh_config', 'ssh_proxy'):
        with open(os.path.join(folder, name), 'w') as f:
            f.write(config)
    answers = ''.join(f'\t{kind}) printf "%s\\n" {names} ; exit ;;\n' for kind, names in OURS.items())
    programs = {'ssh': f'[ "$1" = -Q ] && case $2 in\n{answers}esac\n[ "$1" = -Q ] && exec ssh "$@"\nexec ssh -E "$TEST_SSH_LOGFILE" "$@"\n',
                'netcat': f'exec ssh -F "{world.config}" -W "$1:$2" "{world.proxy_host}"\n'}
    for name, body in programs.items():
        with open(os.path.join(folder, name), 'w') as f:
            f.write('#!/bin/sh\n' + body)
        os.chmod(os.path.join(folder, name), 0o755)


def run(world, folder, script):
    prepare(world, folder)
    return subprocess.run(['sh', os.path.join(HERE, 'openssh', 'run.sh'), folder, f'{FOLDER}/{script}.sh'], timeout=180,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
