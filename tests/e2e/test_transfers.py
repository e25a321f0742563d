# SPDX-License-Identifier: Apache-2.0
"""File transfers: they run without a shell, and what they did is written down."""
import hashlib
import json
import os
import pwd
import random
import shutil
import subprocess
import tempfile
import time

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
    # Debian 13's refuses while a process of the last session is still ending.
    wait_for('the login user to be idle',
             lambda: subprocess.run(['usermod', '-d', pw.pw_dir, '-s', pw.pw_shell, LOGIN]).returncode == 0)
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


# --- what is written down ----------------------------------------------------------------------------


@pytest.fixture
def told(cluster):
    """The events about files of the sessions since the test began, oldest first, when there are n of a type."""
    start = time.time()  # what was done before may still be on its way

    def files(n, kind='file.%'):
        def look():
            rows = cluster.sql(f"SELECT coalesce(jsonb_agg(f ORDER BY idx), '[]') FROM files f WHERE at >= to_timestamp({start}) AND type LIKE '{kind}'")
            rows = json.loads(rows[0][0])
            return rows if len(rows) >= n else None
        rows = wait_for(f'{n} events {kind}', look, 60)
        assert len(rows) == n, rows
        return rows
    return files


def make_files(folder, n):
    """n files of many sizes, also none and over many packets; their SHA-256 by name."""
    rand = random.Random(n)
    sums = {}
    for i in range(n):
        body = rand.randbytes(rand.choice((0, 1, 100, 5000, 32768, 40000, 70000)) if i else 3 << 20)
        name = f'f{i:04} x' if i % 10 == 0 else f'f{i:04}'
        (folder / name).write_bytes(body)
        sums[name] = hashlib.sha256(body).hexdigest()
    return sums


def check_sums(rows, sums):
    assert all(r['ok'] and r['whole'] for r in rows), [r for r in rows if not (r['ok'] and r['whole'])][:3]
    assert {os.path.basename(r['name'] or r['path']): r['sha256'] for r in rows} == sums


def sftp_both_ways(stock, host, here, there, back):
    stock('sftp', '-q', '-b', '-', host, input=f'lcd {here}\ncd {there}\nput *\nlcd {back}\nget *\n')


def scp_both_ways(*how):
    def copy(stock, host, here, there, back):
        stock('scp', '-q', *how, *(str(p) for p in here.iterdir()), f'{host}:{there}')
        stock('scp', '-q', *how, f'{host}:{there}/*', str(back))
    return copy


WAYS = {'sftp': sftp_both_ways, 'scp-over-sftp': scp_both_ways('-s'), 'old-scp': scp_both_ways('-O', '-T'),
        'old-scp-with-times': scp_both_ways('-O', '-T', '-p')}


@pytest.mark.parametrize('way', WAYS)
def test_a_thousand_files_each_way_are_told_with_their_sha256(stock, host, home, told, tmp_path, way):
    here, back, there = tmp_path / 'here', tmp_path / 'back', os.path.join(home, f'many-{way}')
    here.mkdir(), back.mkdir(), os.mkdir(there, 0o777)
    os.chmod(there, 0o777)
    sums = make_files(here, 1000)
    WAYS[way](stock, host, here, there, back)
    assert {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in back.iterdir()} == sums
    check_sums(told(1000, 'file.write'), sums)
    check_sums(told(1000, 'file.read'), sums)


def test_the_paths_of_rsync_are_told_and_all_else_is_recorded(cluster, carla, host, home, told, tmp_path):
    (tmp_path / 'sent').write_text('body-of-rsync\n')
    how = ('rsync', '-a', '-e', f'ssh -F {carla}')
    cluster.run(*how, str(tmp_path / 'sent'), f'{host}:by-rsync')
    cluster.run(*how, f'{host}:by-rsync', str(tmp_path / 'back'))
    assert (tmp_path / 'back').read_text() == 'body-of-rsync\n'
    rows = told(2, 'file.request')
    assert [(r['protocol'], r['name'], r['path']) for r in rows] == [('rsync', 'receive', 'by-rsync'), ('rsync', 'send', 'by-rsync')]
    for row in rows:
        assert wait_for('the recording', lambda: cluster.sql(f"SELECT bytes FROM rec_session WHERE sid = '{row['session']}' AND bytes > 14"))


def test_everything_that_sftp_does_to_files_is_told(stock, host, home, told, tmp_path):
    (tmp_path / 'f').write_text('hello world\n')
    commands = ('mkdir d', f'put {tmp_path}/f d/f', 'ls d', 'chmod 600 d/f', 'ln d/f d/hard', 'symlink /etc/passwd d/soft',
                'rename d/f d/g', 'rm d/hard', 'rm d/soft', '-get /etc/shadow', '-rm d/not-there', 'rm d/g', 'rmdir d')
    stock('sftp', '-q', '-b', '-', host, input='\n'.join(commands) + '\n')
    rows = [(r['type'][5:], r['path'].removeprefix(home + '/'), r['target'] or '', r['ok']) for r in told(13)]
    assert rows == [
        ('mkdir', 'd', '', True), ('write', 'd/f', '', True), ('list', 'd/', '', True), ('setstat', 'd/f', '', True),
        ('link', 'd/f', f'{home}/d/hard', True), ('symlink', 'd/soft', '/etc/passwd', True), ('rename', 'd/f', f'{home}/d/g', True),
        ('remove', 'd/hard', '', True), ('remove', 'd/soft', '', True), ('read', '/etc/shadow', '', False),
        ('remove', 'd/not-there', '', False), ('remove', 'd/g', '', True), ('rmdir', 'd', '', True)], rows


def test_a_name_of_odd_bytes_is_told_as_it_is(cluster, stock, host, home, told, tmp_path):
    name = b'odd \xff\x1b[2J\n\xc3\xa9'
    (tmp_path / 'f').write_text('x')
    stock('sftp', '-q', '-b', '-', host, input=b'put ' + str(tmp_path / 'f').encode() + b' "odd \xff\x1b[2J\xc3\xa9"\n', text=False)
    row = told(1, 'file.write')[0]
    assert row['path'] == home + '/odd \\xff\\x1b[2J\u00e9'
    assert bytes.fromhex(row['path_raw'][2:]) == home.encode() + b'/odd \xff\x1b[2J\xc3\xa9'
    shown = cluster.tctl('audit', 'ls', '--type=file.write', '--limit=1').stdout
    assert home + '/odd \\xff\\x1b[2J\u00e9' in shown and 'bytes 1' in shown and '\x1b' not in shown
    os.unlink(os.path.join(home.encode(), name.replace(b'\n', b'')))


def test_what_is_not_sftp_ends_the_channel(cluster, stock, host, told):
    out = stock('ssh', '-s', host, 'sftp', input='bash -i\nid\n', check=False)
    assert out.returncode != 0 and out.stdout == ''
    assert 'ERROR: the client sent what is not SFTP' in out.stderr
    wait_for('its end', lambda: [e for e in json.loads(cluster.tctl('audit', 'ls', '--type=session.end', '--format=json').stdout)
                                 if e['message'] == 'the client sent what is not SFTP'])


def test_old_scp_of_folders_is_told_file_by_file(stock, host, home, told, tmp_path):
    tree = tmp_path / 'tree'
    (tree / 'sub').mkdir(parents=True)
    (tree / 'a').write_text('hello world\n')
    (tree / 'sub' / 'b').write_text('')
    stock('scp', '-q', '-O', '-r', str(tree), f'{host}:old-tree')
    rows = {(r['type'], r['path'], r['name']): r for r in told(4)}
    assert {('file.mkdir', 'old-tree', 'tree'), ('file.write', 'old-tree', 'tree/a'), ('file.mkdir', 'old-tree', 'tree/sub'),
            ('file.write', 'old-tree', 'tree/sub/b')} == set(rows)
    hello = rows['file.write', 'old-tree', 'tree/a']
    assert hello['sha256'] == hashlib.sha256(b'hello world\n').hexdigest() and hello['attributes'].startswith('mode=0644')
    back = tmp_path / 'back'
    stock('scp', '-q', '-O', '-r', f'{host}:old-tree', str(back))
    rows = told(8)[4:]
    assert {(r['type'], r['path'], r['name']) for r in rows} == {
        ('file.read', 'old-tree', 'old-tree/a'), ('file.list', 'old-tree', 'old-tree/sub'),
        ('file.read', 'old-tree', 'old-tree/sub/b'), ('file.list', 'old-tree', 'old-tree')}
    assert (back / 'a').read_text() == 'hello world\n'


def test_what_old_scp_could_not_do_is_told(stock, host, home, told, tmp_path):
    (tmp_path / 'f').write_text('x')
    out = stock('scp', '-q', '-O', str(tmp_path / 'f'), f'{host}:/etc/not-mine', check=False)
    assert out.returncode == 1 and 'Permission denied' in out.stderr
    out = stock('scp', '-q', '-O', f'{host}:/etc/shadow', str(tmp_path / 'shadow'), check=False)
    assert out.returncode == 1
    rows = [(r['type'], r['path'], r['ok']) for r in told(2)]
    assert rows == [('file.write', '/etc/not-mine', False), ('file.read', '/etc/shadow', False)]


def test_what_is_not_scp_ends_the_channel(stock, host, home, tmp_path):
    out = stock('ssh', host, 'scp -t x', input='bash -i\nid\n', check=False)
    assert out.returncode != 0 and 'ERROR: the client sent what is not the protocol of scp' in out.stderr
    out = stock('ssh', host, 'scp -f x', input='id\n', check=False)
    assert out.returncode != 0 and 'ERROR: the client sent what is not the protocol of scp' in out.stderr
