# SPDX-License-Identifier: Apache-2.0
"""Stock OpenSSH, and what is built on it, through the configuration of `tsh config`."""
import concurrent.futures
import hashlib
import os
import re
import subprocess
import time

import pexpect
import pytest

from cluster import wait_for
from test_guide import family

MIB = 1 << 20


@pytest.fixture(scope='module')
def config(cluster, alice):
    path = cluster.write('alice-ssh-config', cluster.tsh('alice', 'config').stdout)
    return path


@pytest.fixture(scope='module')
def ssh(cluster, config, login):
    def run(*args, node='node-1', options=(), check=True, **kw):
        return cluster.run('ssh', '-F', config, *options, f'{login}@{node}.{cluster.name}', *args, check=check, **kw)
    return run


def big_file(path, mib):
    digest = hashlib.sha256()
    with open(path, 'wb') as f:
        for _ in range(mib):
            block = os.urandom(MIB)
            digest.update(block)
            f.write(block)
    return digest.hexdigest()


@pytest.mark.parametrize('status', [0, 1, 255])
def test_exit_status(ssh, status):
    assert ssh(f'exit {status}', check=False).returncode == status


def test_exit_by_signal_is_told(ssh):
    out = ssh('kill -KILL $$', check=False, options=['-v'])
    assert out.returncode == 255 and 'exit-signal' in out.stderr


def test_stdout_and_stderr_are_apart_and_stdin_arrives(ssh):
    out = ssh('cat; echo to-err >&2', input='to-out\n')
    assert out.stdout == 'to-out\n' and out.stderr == 'to-err\n'


@pytest.mark.parametrize('cipher', ['aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes256-ctr', 'aes128-ctr'])
def test_every_cipher(ssh, cipher):
    text = 'x' * 300000
    assert ssh('cat', input=text, options=['-c', cipher]).stdout == text


def test_pty_and_resize(cluster, config, login):
    child = pexpect.spawn('ssh', ['-F', config, f'{login}@node-1.{cluster.name}'], dimensions=(30, 90), timeout=20,
                          encoding='utf-8')
    child.sendline('PS1=; stty size')
    child.expect('30 90')
    child.setwinsize(44, 120)

    def seen():
        child.sendline('stty size')
        return child.expect(['44 120', pexpect.TIMEOUT], timeout=1) == 0
    wait_for('the new size', seen)
    child.sendline('exit 3')
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


def test_host_certificate_is_verified(cluster, config, login):
    out = cluster.run('ssh', '-v', '-F', config, f'{login}@node-1.{cluster.name}', 'true')
    assert out.stderr.count('Server host certificate: ') >= 2  # proxy and node
    assert out.stderr.count('matches CA known_hosts entry') + out.stderr.count('is known and matches the ED25519-CERT') >= 2


def test_signatures_are_bound_to_the_host_where_the_client_can(ssh):
    """Through the real monitor: ssh binds them by default, older clients do not, and both come in."""
    out = ssh('echo ok', options=['-vvv'])
    assert out.stdout == 'ok\n' and out.stderr.count('using publickey-hostbound-v00@openssh.com') >= 2  # proxy and node
    out = ssh('echo ok', options=['-vvv', '-o', 'PubkeyAuthentication=unbound'])
    assert out.stdout == 'ok\n' and 'sign_and_send_pubkey: using publickey with' in out.stderr


def test_no_helper_process(cluster, config, login):
    proc = subprocess.Popen(['ssh', '-F', config, f'{login}@node-1.{cluster.name}', 'sleep 3'], stdin=subprocess.DEVNULL)
    time.sleep(1.5)
    names = {open(f'/proc/{p}/comm').read().strip() for p in family(proc.pid)}
    proc.wait()
    assert names == {'ssh'}


@pytest.mark.parametrize('options', [[], ['-o', 'RekeyLimit=30M'], ['-c', 'chacha20-poly1305@openssh.com'],
                                     ['-c', 'aes256-ctr', '-m', 'hmac-sha2-256-etm@openssh.com'],
                                     ['-c', 'aes128-ctr', '-m', 'hmac-sha2-256']],
                         ids=['aes-gcm', 'rekey', 'chacha20', 'ctr-etm', 'ctr-mac'])
def test_bulk_both_ways_with_equal_checksums(cluster, config, login, request, tmp_path, options):
    mib = 1024 if not options or request.config.getoption('--heavy') else 128
    path = str(tmp_path / 'big')
    want = big_file(path, mib)
    target = f'{login}@node-1.{cluster.name}'
    with open(path, 'rb') as f:
        up = subprocess.run(['ssh', '-F', config, *options, target, 'sha256sum'], stdin=f, stdout=subprocess.PIPE,
                            text=True, timeout=300)
    assert up.stdout.split()[0] == want
    down = subprocess.Popen(['ssh', '-F', config, *options, target, f'cat {path}'], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE)
    digest = hashlib.sha256()
    for block in iter(lambda: down.stdout.read(MIB), b''):
        digest.update(block)
    assert down.wait() == 0 and digest.hexdigest() == want


def rss_kb(pid):
    with open(f'/proc/{pid}/status') as f:
        return int(re.search(r'VmRSS:\s+(\d+)', f.read()).group(1))


@pytest.mark.parametrize('way', ['down', 'up'])
def test_a_slow_reader_costs_no_memory(cluster, config, login, way):
    """An endless source against a reader that stopped: what is under way is bounded by windows."""
    watched = [cluster.daemons['proxyd'].pid, *family(cluster.daemons['node-1'].pid)]
    target = f'{login}@node-1.{cluster.name}'
    if way == 'down':
        proc = subprocess.Popen(['ssh', '-F', config, target, 'cat /dev/zero'], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE)
        proc.stdout.read(4 * MIB)
    else:
        with open('/dev/zero', 'rb') as zero:
            proc = subprocess.Popen(['ssh', '-F', config, target, 'head -c 4194304 >/dev/null; sleep 60'], stdin=zero,
                                    stdout=subprocess.DEVNULL)
    time.sleep(2)
    before = {p: rss_kb(p) for p in watched if os.path.exists(f'/proc/{p}')}
    time.sleep(6)
    after = {p: rss_kb(p) for p in before if os.path.exists(f'/proc/{p}')}
    proc.kill()
    proc.wait()
    for p, kb in after.items():
        assert kb < before[p] + 4096 and kb < 65536 + 65536, (p, before[p], kb)


def tree(path):
    os.makedirs(path / 'a' / 'b')
    (path / 'empty').mkdir()
    (path / 'a' / 'one').write_bytes(os.urandom(100000))
    (path / 'a' / 'b' / 'two').write_text('two\n')
    (path / 'run.sh').write_text('#!/bin/sh\n')
    (path / 'run.sh').chmod(0o755)


def same(a, b):
    return subprocess.run(['diff', '-r', str(a), str(b)]).returncode == 0


def test_scp_recursive(cluster, config, login, tmp_path):
    tree(tmp_path / 'src')
    node = f'{login}@node-1.{cluster.name}'
    cluster.run('scp', '-q', '-F', config, '-r', str(tmp_path / 'src'), f'{node}:{tmp_path}/there')
    cluster.run('scp', '-q', '-F', config, '-r', f'{node}:{tmp_path}/there', str(tmp_path / 'back'))
    assert same(tmp_path / 'src', tmp_path / 'back')


def test_tsh_scp_recursive(cluster, alice, login, tmp_path):
    tree(tmp_path / 'src')
    cluster.tsh('alice', 'scp', '-r', '-p', str(tmp_path / 'src'), f'{login}@node-1:{tmp_path}/there')
    cluster.tsh('alice', 'scp', '-r', f'{login}@node-1:{tmp_path}/there', str(tmp_path / 'back'))
    assert same(tmp_path / 'src', tmp_path / 'back')
    assert os.access(tmp_path / 'there' / 'run.sh', os.X_OK)
    cluster.tsh('alice', 'scp', f'{login}@node-1:{tmp_path}/there/*.sh', str(tmp_path))
    assert (tmp_path / 'run.sh').exists()
    missing = cluster.tsh('alice', 'scp', f'{login}@node-1:{tmp_path}/nothing', str(tmp_path), check=False)
    assert missing.returncode == 1 and 'ERROR: ' in missing.stderr and 'nothing' in missing.stderr


def test_tsh_scp_large_file(cluster, alice, login, tmp_path):
    want = big_file(tmp_path / 'big', 64)
    cluster.tsh('alice', 'scp', '-q', str(tmp_path / 'big'), f'{login}@node-1:{tmp_path}/up')
    cluster.tsh('alice', 'scp', '-q', f'{login}@node-1:{tmp_path}/up', str(tmp_path / 'down'))
    assert hashlib.sha256((tmp_path / 'down').read_bytes()).hexdigest() == want


def test_sftp(cluster, config, login, tmp_path):
    (tmp_path / 'f').write_text('by sftp\n')
    batch = f'put {tmp_path}/f {tmp_path}/g\nrename {tmp_path}/g {tmp_path}/h\nget {tmp_path}/h {tmp_path}/i\nls {tmp_path}\n'
    cluster.run('sftp', '-q', '-F', config, '-b', '-', f'{login}@node-1.{cluster.name}', input=batch)
    assert (tmp_path / 'i').read_text() == 'by sftp\n'


def test_rsync_twice_transfers_nothing_the_second_time(cluster, config, login, tmp_path):
    tree(tmp_path / 'src')
    argv = ['rsync', '-a', '--stats', '-e', f'ssh -F {config}', f'{tmp_path}/src/',
            f'{login}@node-1.{cluster.name}:{tmp_path}/dst/']
    cluster.run(*argv)
    assert same(tmp_path / 'src', tmp_path / 'dst')
    second = cluster.run(*argv).stdout
    assert re.search(r'Number of regular files transferred: 0\b', second)


def test_git_clone(cluster, config, login, tmp_path):
    source = tmp_path / 'repo'
    source.mkdir()
    git = ['git', '-C', str(source), '-c', 'user.name=t', '-c', 'user.email=t@example.com']
    cluster.run(*git, 'init', '-q')
    (source / 'f').write_text('x' * 100000)
    cluster.run(*git, 'add', '.')
    cluster.run(*git, 'commit', '-qm', 'one')
    env = {'GIT_SSH_COMMAND': f'ssh -F {config}', 'GIT_CONFIG_COUNT': '1', 'GIT_CONFIG_KEY_0': 'safe.directory',
           'GIT_CONFIG_VALUE_0': '*'}
    cluster.run('git', 'clone', '-q', f'{login}@node-1.{cluster.name}:{source}', str(tmp_path / 'clone'), env=env)
    assert same(source / 'f', tmp_path / 'clone' / 'f')
    cluster.run('git', '-C', str(tmp_path / 'clone'), 'fsck', '--strict')


def test_fifty_sessions_at_once(cluster, config, login, ssh):
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        runs = [pool.submit(ssh, f'sleep 2; echo {i}', node=f'node-{i % 3 + 1}') for i in range(50)]
        assert [r.result().stdout for r in runs] == [f'{i}\n' for i in range(50)]


def test_environment_is_that_of_a_login(ssh, login):
    out = dict(line.split('=', 1) for line in ssh('env').stdout.splitlines() if '=' in line)
    import pwd
    pw = pwd.getpwnam(login)
    assert out['HOME'] == pw.pw_dir and out['USER'] == login and out['LOGNAME'] == login
    assert out['SHELL'] == (pw.pw_shell or '/bin/sh') and out['PATH'] and out['SSH_CONNECTION'].count(' ') == 3
    assert out['SALLYPORT_USER'] == 'alice' and out['SALLYPORT_NODE'] == 'node-1' and len(out['SALLYPORT_SESSION']) == 36
    assert 'NOTIFY_SOCKET' not in out


def test_session_inherits_no_descriptor(ssh):
    assert set(ssh('ls /proc/self/fd').stdout.split()) <= {'0', '1', '2', '3'}


def test_background_child_does_not_hold_the_session(ssh):
    began = time.monotonic()
    ssh('sleep 30 >/dev/null 2>&1 </dev/null & echo started')
    assert time.monotonic() - began < 20
