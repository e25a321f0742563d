# SPDX-License-Identifier: Apache-2.0
"""File transfers: they run without a shell, and what they did is written down."""
import json
import os
import pwd
import shutil
import subprocess
import tempfile

import pytest

from cluster import wait_for

LOGIN = 'irc'  # one that no other test uses


@pytest.fixture(scope='module')
def home():
    """The home of a login user with bash, whose start-up files are his own. Only root can make one."""
    if os.getuid() != 0:
        pytest.skip('needs root to have a second login user')
    pw = pwd.getpwnam(LOGIN)
    path = tempfile.mkdtemp(prefix='sp-home-', dir='/tmp')
    os.chown(path, pw.pw_uid, pw.pw_gid)
    subprocess.run(['usermod', '-d', path, '-s', '/bin/bash', LOGIN], check=True)
    yield path
    subprocess.run(['usermod', '-d', pw.pw_dir, '-s', pw.pw_shell, LOGIN], check=True)
    shutil.rmtree(path)


@pytest.fixture(scope='module')
def carla(cluster, home):
    person = cluster.add_user('carla', roles='access', logins=LOGIN)
    cluster.login(person)
    return cluster.write('carla-ssh-config', cluster.tsh('carla', 'config').stdout)


@pytest.fixture(scope='module')
def stock(cluster, carla):
    """A stock program with the configuration of `tsh config`."""
    def run(program, *args, check=True, **kw):
        return cluster.run(program, '-F', carla, *args, check=check, **kw)
    return run


@pytest.fixture(scope='module')
def host(cluster):
    return f'{LOGIN}@node-1.{cluster.name}'


def put_home(home, name, text):
    path = os.path.join(home, name)
    with open(path, 'w') as f:
        f.write(text)
    pw = pwd.getpwnam(LOGIN)
    os.chown(path, pw.pw_uid, pw.pw_gid)
    return path


# --- nothing but a transfer ------------------------------------------------------------------------


START_FILES = ('.bashrc', '.bash_profile', '.profile', '.bash_login', '.zshenv', '.pam_environment', '.ssh/rc', '.ssh/environment')


def test_start_up_files_that_were_uploaded_run_in_no_transfer(stock, host, home, tmp_path):
    proof = os.path.join(home, 'proof')
    trap = tmp_path / 'trap'
    trap.write_text(f'[ -z "$LC_GO" ] || exec bash -i\ntouch {proof}\n')
    out = stock('sftp', '-q', '-b', '-', host, input='mkdir .ssh\n' + ''.join(f'put {trap} {n}\n' for n in START_FILES))
    assert os.path.exists(os.path.join(home, '.bashrc')), out
    go = ('-o', 'SetEnv=LC_GO=1 BASH_ENV=.bashrc ENV=.bashrc')
    try:
        out = stock('sftp', *go, '-q', '-b', '-', host, input='ls -a\n')
        assert '.bashrc' in out.stdout
        stock('scp', *go, '-O', str(trap), f'{host}:by-scp')
        stock('scp', *go, '-O', f'{host}:by-scp', str(tmp_path / 'back'))
        stock('scp', *go, str(trap), f'{host}:by-sftp')
        assert (tmp_path / 'back').read_text() == trap.read_text()
        assert not os.path.exists(proof)
    finally:
        for name in START_FILES:
            os.unlink(os.path.join(home, name))


def test_a_transfer_finds_nothing_in_its_environment_that_the_user_chose(cluster, carla, host, home, tmp_path):
    seen = []

    def look():
        for pid in os.listdir('/proc'):
            try:
                with open(f'/proc/{pid}/cmdline', 'rb') as f:
                    argv = f.read().split(b'\0')
                if argv[0] == b'sftp-server' and os.stat(f'/proc/{pid}').st_uid == pwd.getpwnam(LOGIN).pw_uid:
                    with open(f'/proc/{pid}/environ', 'rb') as f:
                        seen[:] = [v.split(b'=')[0].decode() for v in f.read().split(b'\0') if v]
            except OSError:
                pass
        return seen
    p = subprocess.Popen(['sftp', '-F', carla, '-q', '-o', 'SetEnv=LC_ALL=C LANG=de LC_GO=1', host], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
    try:
        wait_for('sftp-server', look)
    finally:
        p.communicate(b'bye\n')
    assert {'HOME', 'PATH', 'SALLYPORT_SESSION'} <= set(seen)
    assert set(seen) <= {'HOME', 'PATH', 'USER', 'LOGNAME', 'SHELL', 'MAIL', 'TZ', 'SSH_CLIENT', 'SSH_CONNECTION', 'SALLYPORT_SESSION',
                         'SALLYPORT_USER', 'SALLYPORT_NODE'}


@pytest.mark.parametrize('line', ['scp -t x; echo ran-on', 'scp -t x & echo ran-on', 'scp -t $(echo ran-on >&2)', 'scp -t x\necho ran-on'])
def test_a_command_that_only_begins_like_a_transfer_is_a_command_of_the_shell(stock, cluster, host, line):
    out = stock('ssh', host, line, check=False, input='')
    assert 'ran-on' in out.stdout + out.stderr


def test_a_login_whose_shell_runs_nothing_has_no_transfers(stock, cluster, host, tmp_path, home):
    (tmp_path / 'f').write_text('x')
    for shell in ('/usr/sbin/nologin', '/bin/rbash'):
        subprocess.run(['usermod', '-s', shell, LOGIN], check=True)
        try:
            for protocol in ('-s', '-O'):
                out = stock('scp', protocol, str(tmp_path / 'f'), f'{host}:not-there', check=False)
                assert out.returncode != 0 and 'file transfers are not for the account' in out.stderr
        finally:
            subprocess.run(['usermod', '-s', '/bin/bash', LOGIN], check=True)
    assert not os.path.exists(os.path.join(home, 'not-there'))


# --- the old protocol of scp -------------------------------------------------------------------------


def test_patterns_of_old_scp_are_expanded_as_before(stock, host, home, tmp_path):
    for name in ('a.txt', 'b c.txt', "it's; $x.txt", '-v.txt', 'other'):
        put_home(home, name, name)
    out = tmp_path / 'out'
    out.mkdir()
    stock('scp', '-O', '-T', f'{host}:*.txt', str(out))
    assert sorted(os.listdir(out)) == ['-v.txt', 'a.txt', 'b c.txt', "it's; $x.txt"]
    stock('scp', '-O', '-T', f'{host}:~/oth?r', str(out))
    stock('scp', '-O', '-T', f'{host}:"b c".txt', str(out / 'quoted'))
    assert (out / 'other').read_text() == 'other' and (out / 'quoted').read_text() == 'b c.txt'
    missing = stock('scp', '-O', '-T', f'{host}:no*such', str(out), check=False)
    assert missing.returncode == 1 and 'no*such' in missing.stderr
