# SPDX-License-Identifier: Apache-2.0
"""The peer: OpenSSH on loopback, as one would set it up by hand for what Sallyport does.

A jump server; a second sshd that stands for a node; and `ssh -N -R` from that node to the jump server, so that the node
is reached through a reverse tunnel. Own configuration, own keys, own ports; nothing of the machine's sshd is used.
The kex is curve25519 on all connections, the fastest OpenSSH has: its default (sntrup761) would double its times.
"""
import os
import pwd
import signal
import socket
import subprocess
import time

SSHD = '/usr/sbin/sshd'
SFTP_SERVER = '/usr/lib/openssh/sftp-server'  # noded's, too
KEX = 'curve25519-sha256'
CIPHER = 'aes256-gcm@openssh.com'


class Peer:
    def __init__(self, folder, ports):
        """ports: jump server, node, the node's port on the jump server; all below the ephemeral range."""
        self.dir = folder
        self.jump_port, self.node_port, self.forward_port = ports
        self.procs = []
        self.user = pwd.getpwuid(os.getuid()).pw_name

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o600):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), 'w') as f:
            f.write(text)
        return self.path(name)

    def keygen(self, name):
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', self.path(name)], check=True)

    def sshd(self, name, port):
        self.keygen(f'{name}_host')
        config = self.write(f'{name}.conf', f'''Port {port}
ListenAddress 127.0.0.1
HostKey {self.path(f'{name}_host')}
AuthorizedKeysFile {self.path('user.pub')}
PidFile none
StrictModes no
UsePAM {'yes' if os.getuid() == 0 else 'no'}
PrintMotd no
PrintLastLog no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
UseDNS no
LogLevel ERROR
MaxStartups 1000
MaxSessions 1000
Subsystem sftp {SFTP_SERVER}
''')
        log = open(self.path(f'{name}.log'), 'ab')
        self.procs.append(subprocess.Popen([SSHD, '-D', '-e', '-f', config], stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log, start_new_session=True))
        self.wait_port(port)
        return self.procs[-1].pid

    @staticmethod
    def wait_port(port):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f'nothing listens on port {port}')

    def start(self):
        if os.getuid() == 0:
            os.makedirs('/run/sshd', mode=0o755, exist_ok=True)  # sshd insists on it
        self.keygen('user')
        self.jump_pid = self.sshd('jump', self.jump_port)
        self.node_pid = self.sshd('node', self.node_port)
        known = ''.join(f'[127.0.0.1]:{port} {self.read(f"{name}_host.pub")}' for name, port in (
            ('jump', self.jump_port), ('node', self.node_port), ('node', self.forward_port)))
        self.write('known_hosts', known)
        self.config = self.write('ssh_config', f'''Host jump
  Port {self.jump_port}
Host behind
  Port {self.forward_port}
  ProxyJump jump
Host plain
  Port {self.node_port}
  ProxyJump jump
Host n*
  Port {self.forward_port}
  ProxyJump jump
Host *
  HostName 127.0.0.1
  User {self.user}
  IdentityFile {self.path('user')}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {self.path('known_hosts')}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  BatchMode yes
  LogLevel ERROR
  KexAlgorithms {KEX}
  Ciphers {CIPHER}
''')
        # The node's way in: its own tunnel to the jump server.
        self.procs.append(subprocess.Popen(self.tunnel_argv(self.forward_port), stdin=subprocess.DEVNULL,
                                           start_new_session=True))
        self.wait_port(self.forward_port)
        return self

    def tunnel_argv(self, port):
        """A reverse tunnel: `port` on the jump server leads to the node's sshd."""
        return ['ssh', '-F', self.config, '-N', '-o', 'ExitOnForwardFailure=yes', '-R',
                f'127.0.0.1:{port}:127.0.0.1:{self.node_port}', 'jump']

    def ssh(self, host):
        """host: behind and n1, n2 ... (-J and -R), plain (-J), jump (direct)."""
        return ['ssh', '-F', self.config, host]

    def pids(self):
        """Both servers, and the node's own tunnel."""
        return [p.pid for p in self.procs]

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def stop(self):
        for p in reversed(self.procs):
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        for p in self.procs:
            p.wait()
