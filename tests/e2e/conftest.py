# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: one cluster a session with a user who is logged in, and fresh ones on demand."""
import ctypes
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tools', 'cluster'))
sys.path.insert(0, os.path.join(TOP, 'tests', 'e2e'))

from cluster import Cluster  # noqa: E402

# Clients load gRPC when they need it: the leak sanitizer dies now and then of the thread-local memory of a library that came so.
os.environ.setdefault('ASAN_OPTIONS', 'intercept_tls_get_addr=0')
for name, file in ('LSAN_OPTIONS', 'lsan-clients.supp'), ('LSAN_OPTIONS_OF_DAEMONS', 'lsan.supp'):
    os.environ.setdefault(name, 'print_suppressions=0:suppressions=' + os.path.join(TOP, 'tests', file))


def quiet_shells():
    """As root nodes serve real logins as root: what root's own start-up files print and run on this machine is none of
    the tests' business. In a mount namespace of ours they are empty."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_namespace, private, bind = 0x00020000, 0x40000 | 0x4000, 0x1000
    if os.getuid() != 0 or libc.unshare(new_namespace) != 0:
        return
    libc.mount(None, b'/', None, private, None)
    for name in ('.bashrc', '.bash_profile', '.bash_login', '.profile'):
        path = os.path.join(pwd.getpwuid(0).pw_dir, name)
        if os.path.exists(path):
            libc.mount(b'/dev/null', path.encode(), None, bind, None)


quiet_shells()


def scratch():
    """A folder that every user may enter; sockets need a short path."""
    path = tempfile.mkdtemp(prefix='sp-', dir='/tmp')
    os.chmod(path, 0o755)
    return path


@pytest.fixture(scope='session')
def cluster(build):
    """Three nodes: node-1 and node-2 with env=example, node-3 with env=prod."""
    subprocess.run(['flock', 'web', 'make', '-s', 'web'], cwd=TOP, check=True)  # the app that its proxy serves
    c = Cluster(scratch(), build)
    try:
        c.start([('node-1', 'env=example,team=x'), ('node-2', 'env=example'), ('node-3', 'env=prod')])
        yield c
    finally:
        end(c, 'session')


@pytest.fixture
def fresh(build, request):
    """An empty cluster of the test's own: start it with fresh.start([...])."""
    c = Cluster(scratch(), build)
    try:
        yield c
    finally:
        end(c, request.node.name)


def end(c, name):
    """Stops a cluster, keeps its logs, removes the rest."""
    c.stop()
    try:
        keep_logs(c, name)
    finally:
        c.remove()


def keep_logs(c, name):
    """For looking at after a failure: build/e2e-logs/NAME/. What a sanitizer found in a daemon is a failure."""
    target = os.path.join(c.built, 'e2e-logs', ''.join(ch if ch.isalnum() else '-' for ch in name)[:80])
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    found = []
    for entry in os.listdir(c.dir):
        if entry.endswith('.log'):
            shutil.copy(os.path.join(c.dir, entry), target)
            with open(os.path.join(c.dir, entry), errors='replace') as f:
                found += re.findall(r'ERROR: \w+Sanitizer.*|.*: runtime error: .*', f.read())
    assert not found, found


@pytest.fixture(scope='session')
def login():
    """The Unix user that nodes serve: root as root, else ourselves."""
    return pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture(scope='session')
def alice(cluster, login):
    """A user with access to every node, logged in."""
    person = cluster.add_user('alice', roles='editor,access,auditor', logins=f'{login},ubuntu,ec2-user')
    cluster.login(person)
    return person
