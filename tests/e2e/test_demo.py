# SPDX-License-Identifier: Apache-2.0
"""The demonstration: it walks the guide, and ends as a whole when it is told to."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import types

import pytest
from cluster import TOP, totp, wait_for
from webapi import Browser


def heard():
    """A background job's SIGINT is ignored, and the demonstration lets that be."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def of_session(sid):
    """Processes of a session that still run."""
    out = subprocess.run(['ps', '-s', str(sid), '-o', 'pid=,stat=,args='], stdout=subprocess.PIPE, text=True).stdout
    return [line for line in out.splitlines() if line.split()[1][0] != 'Z']


def log_in_as_told(text):
    """What a reader does with what the demonstration has printed."""
    port = int(re.search(r'web address: +https://localhost:(\d+)/web ', text)[1])
    user, password, secret = re.search(r'user: +(\S+)\n +password: +(.+)\n +code: +oathtool --totp -b (\S+) ', text).groups()
    here = Browser(types.SimpleNamespace(public_port=port))
    assert b'modulepreload' in here.send('GET', '/web')[2]
    tried = set()

    def works():
        code = totp(secret)
        if code in tried:
            return False  # each counts once, and the demonstration has used some
        tried.add(code)
        return here.ask('POST', '/v1/webapi/login', {'user': user, 'password': password, 'otp': code})[0] == 200
    wait_for('a code that was not used yet', works, 120)


@pytest.mark.parametrize('sig', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_its_group_stops_everything_and_is_no_failure(build, sig):
    folder = tempfile.mkdtemp(prefix='sp-demo-', dir='/tmp')
    os.chmod(folder, 0o755)
    log = os.path.join(folder, 'log')
    with open(log, 'w') as f:
        p = subprocess.Popen([os.path.join(TOP, 'tools', 'demo'), build], stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                             env={**os.environ, 'DEMO_DIR': os.path.join(folder, 'demo'), 'DEMO_ONCE': ''}, start_new_session=True,
                             preexec_fn=heard)

    def text():
        with open(log) as f:
            return f.read()
    try:
        wait_for('the demonstration', lambda: p.poll() is not None or 'It keeps running' in text(), 120)
        assert p.poll() is None, text()
        if sig == signal.SIGTERM:
            log_in_as_told(text())
        assert of_session(p.pid)
        os.killpg(p.pid, sig)
        assert p.wait(30) == 0, text()
        wait_for('the end of all processes', lambda: not of_session(p.pid) and not running_in(folder))
    finally:
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def running_in(folder):
    """Programs that were started from there, also in sessions of their own."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as f:
                words = f.read().decode(errors='replace')
        except OSError:
            continue
        if folder + '/' in words:
            found.append((pid, words))
    return found
