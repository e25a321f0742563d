# SPDX-License-Identifier: Apache-2.0
"""A Docker engine of the test's own: its images, containers and networks are in a folder and in a network namespace, and are gone
with it; an engine of the machine's is neither used nor disturbed. Needs root.

Images are built where there is a network (the engine runs in the machine's own, without networks of its own), and run where there
is none but the containers'.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

import machine

NETNS = f'sp-docker-{os.getpid()}'
# Debian's name of it, or the plugin of Docker's own packages.
COMPOSE = ['docker-compose'] if shutil.which('docker-compose') else ['docker', 'compose']


def possible():
    """None, or why no engine can run here."""
    if os.getuid() != 0:
        return 'needs root'
    for program in ('dockerd', 'docker', 'mmdebstrap', 'ip', 'iptables', 'nsenter'):
        if not shutil.which(program):
            return f'{program} is not installed'
    if subprocess.run([*COMPOSE, 'version'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        return 'docker-compose is not installed'
    if subprocess.run(['unshare', '-mnpf', 'true'], stderr=subprocess.DEVNULL).returncode != 0:
        return 'this root may not make namespaces'
    return None


class Engine:
    def __init__(self, folder):
        self.dir, self.proc = folder, None
        self.env = {**os.environ, 'DOCKER_HOST': f'unix://{folder}/docker.sock'}
        os.makedirs(folder)

    def start(self, build):
        """With the machine's network for what builds, else with one of its own."""
        argv = ['dockerd', '--data-root', f'{self.dir}/data', '--exec-root', f'{self.dir}/exec', '-p', f'{self.dir}/pid', '-H',
                f'unix://{self.dir}/docker.sock', '--shutdown-timeout', '5']
        if build:
            argv += ['--iptables=false', '--ip6tables=false', '--bridge=none', '--ip-forward=false']
        else:
            machine.run('ip', 'netns', 'add', NETNS)
            machine.run('ip', '-n', NETNS, 'link', 'set', 'lo', 'up')
            argv = ['nsenter', f'--net=/run/netns/{NETNS}', *argv]
        with open(f'{self.dir}/dockerd.log', 'ab') as log:
            self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 60
        while self.docker('info', check=False).returncode != 0:
            if self.proc.poll() is not None or time.monotonic() > end:
                why = self.log()
                self.stop()
                raise AssertionError(f'no Docker engine:\n{why}')
            time.sleep(0.2)

    def log(self):
        with open(f'{self.dir}/dockerd.log', errors='replace') as f:
            return f.read()[-2000:]

    def docker(self, *argv, **kw):
        return machine.run('docker', *argv, env=self.env, **kw)

    def outside(self, *argv, **kw):
        """A program of this machine, where the ports of containers are published."""
        return machine.run('nsenter', f'--net=/run/netns/{NETNS}', *argv, **kw)

    @contextlib.contextmanager
    def world(self):
        """The address of a web server that is neither a container's nor the engine's host's: port 80 of somewhere else."""
        there = f'{NETNS}-world'
        inside = ['nsenter', f'--net=/run/netns/{there}']
        machine.run('ip', 'netns', 'add', there)
        try:
            machine.run('ip', '-n', NETNS, 'link', 'add', 'world', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', there)
            for netns, link, address in ((NETNS, 'world', '192.0.2.1/24'), (there, 'eth0', '192.0.2.2/24')):
                machine.run('ip', '-n', netns, 'address', 'add', address, 'dev', link)
                machine.run('ip', '-n', netns, 'link', 'set', link, 'up')
            server = subprocess.Popen([*inside, sys.executable, '-m', 'http.server', '80'], cwd=self.dir, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                yield '192.0.2.2'
            finally:
                server.kill()
                server.wait()
        finally:
            machine.run('ip', 'netns', 'del', there)

    def stop(self):
        if self.proc:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(60)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
            self.proc = None
        machine.run('ip', 'netns', 'del', NETNS, check=False)

    def remove(self):
        self.stop()
        machine.run('sh', '-c', f'grep -o " {self.dir}/[^ ]*" /proc/mounts | sort -r | xargs -r umount -l', check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
