# SPDX-License-Identifier: Apache-2.0
"""What recording, and reading transfers along, costs a node: nanoseconds of CPU for a byte.

A node cannot be told not to record, so its peer is sshd, which carries and encrypts the same bytes and looks at none of them. All
that descends from either counts, what runs in the session too (cat, sftp-server), and what noded sends to auditd. The goal is a
tenth more than sshd takes. What is beyond a role's limit is not recorded, but hashed; so is what a transfer carries."""
import os
import statistics
import subprocess

import procs
from cost import settled
from field import NODE, Run

MIB = 1 << 20
GOAL = 1.1
ROLE = '''kind: role
version: v1
metadata: {name: bench-limited}
spec:
  options: {record_limit: 1000000, permit_pty: true}
  allow:
    logins: [%s]
    node_labels: {'*': '*'}
    rules:
    - {resources: [own_session, node, cluster], verbs: [list, read]}
'''
SAMPLES = ('zeroes', 'a listing', 'source', 'random')


class Files:
    """The same bytes for all sides, in a folder of their own: SAMPLES, size MiB each."""

    def __init__(self, folder, size):
        self.dir, self.size = os.path.join(folder, 'recorded'), size * MIB
        os.makedirs(self.dir)
        os.chmod(self.dir, 0o755)
        top = os.path.dirname(os.path.abspath(__file__))
        listing = subprocess.run(['ls', '-lR', '--full-time', '/usr'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        source = b''
        for name in sorted(os.listdir(top)):
            if name.endswith('.py'):
                with open(os.path.join(top, name), 'rb') as f:
                    source += f.read()
        for name, make in (('zeroes', bytes), ('random', os.urandom), ('a listing', lambda n: listing), ('source', lambda n: source)):
            with open(self.path(name), 'wb') as f:
                left = self.size
                while left:
                    left -= f.write(make(MIB)[:left])

    def path(self, name):
        return os.path.join(self.dir, name.replace(' ', '-'))


def limited(side):
    """[ssh, ...] of a user whose role limits what is recorded."""
    c = side.cluster
    c.tctl('create', '-f', c.write('bench-limited.yaml', ROLE % side.login))
    c.login(c.add_user('carol', roles='bench-limited', logins=side.login))
    config = c.write('ssh_config.carol', c.tsh('carol', 'config').stdout)
    return ['ssh', '-F', config, f'{side.login}@{NODE}.{c.name}']


def ns(run, pid, size):
    """Nanoseconds a byte of one run, of what descends from pid."""
    before = settled(lambda: procs.tree_cpu_s(pid))
    run.seconds()
    return (settled(lambda: procs.tree_cpu_s(pid)) - before) * 1e9 / size


def runs_of(ssh, short, files, env=None):
    """{what: Run}; ssh: how to get there, short: the same for what is beyond the limit."""
    random = files.path('random')

    def sftp(command):
        return Run(['sh', '-c', f'echo "{command}" | sftp -q -b - "$@"', 'sftp', *ssh[1:]], env)
    return {**{name: Run([*ssh, 'cat', files.path(name)], env) for name in SAMPLES},
            'limited': Run([*short, 'cat', random], env),
            'put': sftp(f'put {random} {random}.put'),
            'get': sftp(f'get {random} {random}.got')}


def recorded(f):
    files = Files(f.dir, max(64, f.args.size // 4))
    fields = {name: (runs_of(side.ssh().argv, limited(side), files, side.env), side.node_pid()) for name, side in f.sides.items()}
    fields['peer'] = runs_of(f.peer.ssh('plain'), f.peer.ssh('plain'), files), f.peer.node_pid
    for title, what in (*((f'a byte recorded, {name}', name) for name in SAMPLES), ('... beyond the role\'s limit', 'limited'),
                        ('... of sftp put, read along', 'put'), ('... of sftp get, read along', 'get')):
        seen = {name: [] for name in fields}
        for _ in range(max(3, f.args.rounds // 3)):
            for name, (runs, pid) in fields.items():
                seen[name].append(ns(runs[what], pid, files.size))
        took = {name: statistics.median(s) for name, s in seen.items()}
        f.figure(title, 'ns', took, took.pop('peer'), GOAL)
