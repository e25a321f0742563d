# SPDX-License-Identifier: Apache-2.0
"""Machines with systemd that reach one another, and a Debian archive, over a network of their own.

The network is a bridge in a namespace; the archive, served there, has what our packages and a few others need that a minimal
Debian lacks, so that apt installs as it does anywhere. Needs root.
"""
import os
import re
import shutil
import subprocess
import sys

import machine
from cluster import wait_for

NET = '10.71.0'
HERE = f'{NET}.1'  # the archive
# What a server has that somebody installed; the rest comes from the archive.
MINIMAL = ['systemd', 'systemd-sysv', 'dbus', 'procps', 'iproute2', 'ca-certificates', 'curl', 'sudo']


def control(deb, field):
    return machine.run('dpkg-deb', '-f', deb, field).stdout.strip()


def archive(debs, root, more):
    """A folder of the Debian packages that those of `debs`, and `more`, need beside what is in `root`; with its index. Made
    again when they need others."""
    release = os.path.basename(debs)
    ours = sorted(f for f in os.listdir(debs) if f.endswith('.deb'))
    wanted = ' '.join(sorted({*more, *(control(os.path.join(debs, f), 'Depends') for f in ours)}))
    path = os.path.join(machine.TOP, 'build-machine', 'archive', release)
    said = os.path.join(path, 'wanted')
    if os.path.exists(said) and open(said).read() == wanted:
        return path
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    copy = path + '.root'
    shutil.rmtree(copy, ignore_errors=True)
    machine.run('cp', '-a', root, copy)
    try:
        shutil.copytree(debs, f'{copy}/debs', ignore=lambda _, names: [n for n in names if not n.endswith('.deb')])
        if os.path.exists('/etc/resolv.conf'):
            shutil.copy('/etc/resolv.conf', f'{copy}/etc/resolv.conf')
        machine.run(os.path.join(machine.TOP, 'tools', 'tree'), 'run', copy, 'sh', '-ec',
                    'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends --download-only'
                    f' install /debs/*.deb {" ".join(more)}', timeout=900)
        for name in os.listdir(f'{copy}/var/cache/apt/archives'):
            if name.endswith('.deb'):
                shutil.move(f'{copy}/var/cache/apt/archives/{name}', path)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    with open(os.path.join(path, 'Packages'), 'w') as f:
        subprocess.run(['dpkg-scanpackages', '-m', '.'], cwd=path, check=True, stdout=f, stderr=subprocess.DEVNULL)
    with open(said, 'w') as f:
        f.write(wanted)
    return path


class Town:
    """The network, and who is on it: add() boots a machine and gives it a name and an address."""

    def __init__(self, folder, root, served):
        self.dir, self.root, self.machines, self.booted = folder, root, {}, 0
        os.makedirs(folder)
        self.switch = subprocess.Popen(['unshare', '-n', 'sleep', 'infinity'])
        wait_for('a network namespace', lambda: os.readlink(f'/proc/{self.switch.pid}/ns/net') != os.readlink('/proc/self/ns/net'))
        self.ip('link', 'set', 'lo', 'up')
        self.ip('link', 'add', 'br0', 'type', 'bridge')
        self.ip('addr', 'add', f'{HERE}/24', 'dev', 'br0')
        self.ip('link', 'set', 'br0', 'up')
        self.web = subprocess.Popen([*self.inside, sys.executable, '-m', 'http.server', '--bind', HERE, '--directory', served, '80'],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def inside(self):
        return ['nsenter', '-t', str(self.switch.pid), '-n', '--']

    def ip(self, *argv):
        machine.run(*self.inside, 'ip', *argv)

    def add(self, name, names=()):
        """names: what it is called besides; everybody knows everybody by /etc/hosts."""
        m = machine.Machine(os.path.join(self.dir, name), self.root)
        self.machines[name] = m
        self.booted += 1
        m.address, m.names = f'{NET}.{self.booted + 1}', [name, *names]
        m.boot()
        port = f'm{self.booted}'
        self.ip('link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', m.leader)
        self.ip('link', 'set', port, 'master', 'br0', 'up')
        m.outside('ip', 'addr', 'add', f'{m.address}/24', 'dev', 'eth0')
        m.outside('ip', 'link', 'set', 'eth0', 'up')
        m.run('hostname', name)
        m.write('/etc/hostname', f'{name}\n')
        m.shell('rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*')
        m.write('/etc/apt/sources.list', f'deb [trusted=yes] http://{HERE}/ ./\n')
        self.know()
        return m

    def know(self):
        hosts = ''.join(f'{m.address} {" ".join(m.names)}\n' for m in self.machines.values())
        for m in self.machines.values():
            m.write('/etc/hosts', f'127.0.0.1 localhost\n{hosts}')

    def lose(self, name):
        """As if it had burnt: nothing of it is left, its name is free."""
        self.machines.pop(name).stop()
        self.know()

    def remove(self):
        for m in self.machines.values():
            m.stop()
        for p in (self.web, self.switch):
            p.kill()
            p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)



def line_of(said):
    """What `tctl tokens add` prints for a server that has nothing yet: (the token, the line with the authority in it)."""
    token = re.search(r'^The token: (\S+)$', said, re.M).group(1)
    line = said[said.index('curl '):]
    end = line.index('\nCA\n') + len('\nCA\n') if "<<'CA'" in line else line.index('\n') + 1
    return token, line[:end]
