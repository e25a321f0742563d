# SPDX-License-Identifier: Apache-2.0
"""tsh scp as people use it: what a path means, what a copy keeps, and that one bad entry stops nothing. (All nodes of the
tests have one file system, so that what was copied can be looked at here.)"""
import hashlib
import json
import os
import pwd
import re

import pytest

from test_clients import terminal

pytestmark = pytest.mark.sanitized


@pytest.fixture
def scp(cluster, alice, login):
    """scp(FROM..., TO): words that begin with a colon are on node-1, with two on node-2."""
    def run(*args, check=True, **kw):
        words = [f'{login}@node-2:{a[2:]}' if a.startswith('::') else f'{login}@node-1:{a[1:]}' if a.startswith(':') else
                 str(a) for a in map(str, args)]
        return cluster.tsh('alice', 'scp', *words, check=check, **kw)
    return run


def files(folder):
    return sorted(os.path.relpath(os.path.join(d, f), folder) for d, _, names in os.walk(folder) for f in names)


def make(folder, *names):
    for n in names:
        (folder / n).parent.mkdir(parents=True, exist_ok=True)
        (folder / n).write_text(n)


def test_wildcards_and_brackets_in_every_part(scp, tmp_path):
    make(tmp_path / 'src', 'log1/a.txt', 'log2/b.txt', 'log3/c.md', 'mail/d.txt', 'log[x]/e.txt')
    to = tmp_path / 'to'
    to.mkdir()
    scp(f':{tmp_path}/src/log[12]/*.txt', to)
    assert files(to) == ['a.txt', 'b.txt']
    scp(f':{tmp_path}/sr?/log3/*', to)
    scp(f':{tmp_path}/src/log[x]/e.txt', to)  # nothing matches: the name itself
    assert files(to) == ['a.txt', 'b.txt', 'c.md', 'e.txt']
    scp('-r', f':{tmp_path}/s*/m*', to)
    assert (to / 'mail' / 'd.txt').exists()
    none = scp(f':{tmp_path}/src/*/*.zip', to, check=False)
    assert none.returncode == 1 and 'nothing matches' in none.stderr
    many = scp(f':{tmp_path}/src/log[12]/*.txt', tmp_path / 'file', check=False)
    assert many.returncode == 1 and 'is not a folder' in many.stderr and not (tmp_path / 'file').exists()


def test_home_folders(scp, login, tmp_path):
    home = pwd.getpwnam(login).pw_dir
    name = f'.sallyport-test-{os.getpid()}'
    (tmp_path / 'f').write_text('home')
    try:
        scp(tmp_path / 'f', f':~/{name}')
        assert open(os.path.join(home, name)).read() == 'home'
        scp(f':~{login}/{name}', tmp_path / 'g')
        assert (tmp_path / 'g').read_text() == 'home'
        scp(f':~/{name[:-2]}*', tmp_path / 'h')
        assert (tmp_path / 'h').read_text() == 'home'
    finally:
        os.unlink(os.path.join(home, name))
    out = scp(':~no-such-user-here/x', tmp_path, check=False)
    assert out.returncode == 1 and '~no-such-user-here' in out.stderr


@pytest.mark.parametrize('way', ['up', 'down', 'across'])
def test_preserve_keeps_modes_and_times_of_files_and_folders(scp, tmp_path, way):
    src = tmp_path / 'src'
    make(src, 'sub/closed/file', 'sub/other')
    os.chmod(src / 'sub' / 'closed' / 'file', 0o640)
    for path, when in (('sub/closed/file', 1000000000), ('sub/closed', 1100000000), ('sub', 1200000000)):
        os.utime(src / path, (when, when))
    os.chmod(src / 'sub' / 'closed', 0o550)
    to = tmp_path / 'to'
    a, b = {'up': (src, f':{to}'), 'down': (f':{src}', to), 'across': (f':{src}', f'::{to}')}[way]
    scp('-r', '-p', a, b)
    for path in ('sub/closed/file', 'sub/closed', 'sub'):
        want, got = os.stat(src / path), os.stat(to / path)
        assert (got.st_mode, int(got.st_mtime)) == (want.st_mode, int(want.st_mtime)), path
    os.chmod(to / 'sub' / 'closed', 0o750)


@pytest.mark.parametrize('way', ['up', 'down', 'across'])
def test_a_bad_entry_does_not_stop_the_rest(scp, tmp_path, way):
    src = tmp_path / 'src'
    make(src, 'a', 'sub/b', 'z')
    os.symlink('nowhere', src / 'dangling')
    os.mkfifo(src / 'fifo')
    to = tmp_path / 'to'
    a, b = {'up': (src, f':{to}'), 'down': (f':{src}', to), 'across': (f':{src}', f'::{to}')}[way]
    out = scp('-r', a, b, check=False)
    assert out.returncode == 1
    assert files(to) == ['a', 'sub/b', 'z']
    lines = out.stderr.splitlines()
    assert len(lines) == 3 and lines[-1] == 'ERROR: 3 copied, 2 not: see above'
    assert any('dangling' in line for line in lines) and any('fifo is neither a file nor a folder' in line for line in lines)
    # Of several sources, too; and a folder without -r is one of them.
    both = tmp_path / 'both'
    both.mkdir()
    out = scp(f':{src}/missing', f':{src}/sub', f':{src}/a', both, check=False)
    assert out.returncode == 1 and files(both) == ['a'] and 'use -r' in out.stderr and 'missing' in out.stderr


@pytest.mark.parametrize('way', ['up', 'down', 'across'])
def test_a_loop_of_links_is_noticed(scp, tmp_path, way):
    src = tmp_path / 'src'
    make(src, 'sub/file')
    os.symlink('..', src / 'sub' / 'up')
    os.symlink(src / 'sub', src / 'twice')
    to = tmp_path / 'to'
    a, b = {'up': (src, f':{to}'), 'down': (f':{src}', to), 'across': (f':{src}', f'::{to}')}[way]
    out = scp('-r', a, b, check=False)
    assert out.returncode == 1
    assert files(to) == ['sub/file', 'twice/file']
    assert out.stderr.count('is a link that leads back to') == 2


def test_from_node_to_node(scp, tmp_path):
    data = os.urandom(5 * 1024 * 1024 + 17)
    (tmp_path / 'big').write_bytes(data)
    (tmp_path / 'empty').write_bytes(b'')
    (tmp_path / 'to').mkdir()
    scp(f':{tmp_path}/big', f':{tmp_path}/empty', f'::{tmp_path}/to/')
    assert hashlib.sha256((tmp_path / 'to' / 'big').read_bytes()).digest() == hashlib.sha256(data).digest()
    assert (tmp_path / 'to' / 'empty').read_bytes() == b''
    # From two nodes and from here to one.
    make(tmp_path, 'one', 'two', 'three')
    scp(f':{tmp_path}/one', f'::{tmp_path}/two', tmp_path / 'three', f'::{tmp_path}/to')
    assert [(tmp_path / 'to' / n).read_text() for n in ('one', 'two', 'three')] == ['one', 'two', 'three']
    # What cannot be read leaves the target as it was; a file is not copied onto itself.
    out = scp(f':{tmp_path}/none', f'::{tmp_path}/to/one', check=False)
    assert out.returncode == 1 and (tmp_path / 'to' / 'one').read_text() == 'one'
    out = scp(f':{tmp_path}/one', f':{tmp_path}/one', check=False)
    assert out.returncode == 1 and 'are the same file' in out.stderr and (tmp_path / 'one').read_text() == 'one'
    out = scp('-r', f':{tmp_path}/to', f':{tmp_path}/to/in', check=False)
    assert out.returncode == 1 and 'into itself' in out.stderr


def test_one_node_under_two_names_is_one_node(cluster, alice, login, tmp_path):
    """A file copied onto itself would be emptied before it is read, whatever the node is called on either side."""
    make(tmp_path, 'one', 'dir/f')
    rows = json.loads(cluster.tsh('alice', 'ls', '--format=json').stdout)
    uuid = next(r['metadata']['name'] for r in rows if r['spec']['hostname'] == 'node-1')
    for other in (uuid, uuid.upper(), 'NODE-1', f'node-1.{cluster.name}', f'{uuid}.{cluster.name}'):
        out = cluster.tsh('alice', 'scp', f'{login}@node-1:{tmp_path}/one', f'{login}@{other}:{tmp_path}/one', check=False)
        assert out.returncode == 1 and 'are the same file' in out.stderr, (other, out.stderr)
        assert (tmp_path / 'one').read_text() == 'one'
        out = cluster.tsh('alice', 'scp', '-r', f'{login}@{other}:{tmp_path}/dir', f'{login}@node-1:{tmp_path}/dir/in', check=False)
        assert out.returncode == 1 and 'into itself' in out.stderr, (other, out.stderr)
    # Two nodes may have files of one name.
    cluster.tsh('alice', 'scp', f'{login}@node-1:{tmp_path}/one', f'{login}@node-2:{tmp_path}/two')
    assert (tmp_path / 'two').read_text() == 'one'


def test_the_parent_folder_as_source_stays_in_the_target(scp, tmp_path):
    make(tmp_path / 'src', 'sub/deep/f')
    to = tmp_path / 'to'
    to.mkdir()
    scp('-r', f':{tmp_path}/src/sub/deep/..', to)
    assert files(to) == ['sub/deep/f'] and sorted(os.listdir(tmp_path)) == ['src', 'to']


HOSTILE = r'''#!/usr/bin/python3
"""An SFTP server that says of every path that it is /.. , and of every folder that one file is in it."""
import os, struct, sys

def text(b): return struct.pack('>I', len(b)) + b
def attrs(mode): return struct.pack('>II', 4, mode)
def answer(kind, rid, body):
    os.write(1, struct.pack('>IB', len(body) + 5, kind) + rid + body)

def exactly(n):
    data = b''
    while len(data) < n:
        more = os.read(0, n - len(data))
        if not more: sys.exit(0)
        data += more
    return data

listed = False
while True:
    size, kind = struct.unpack('>IB', exactly(5))
    body = exactly(size - 1)
    rid, rest = body[:4], body[4:]
    if kind == 1: os.write(1, struct.pack('>IBI', 5, 2, 3))
    elif kind == 16: answer(104, rid, struct.pack('>I', 1) + text(NAME) + text(b'x') + struct.pack('>I', 0))
    elif kind in (7, 17): answer(105, rid, attrs(0o100644 if rest.endswith(b'evil') else 0o40755))
    elif kind in (3, 11): answer(102, rid, text(b'handle'))
    elif kind == 12 and not listed:
        listed = True
        answer(104, rid, struct.pack('>I', 1) + text(b'evil') + text(b'evil') + attrs(0o100644))
    elif kind in (5, 12): answer(101, rid, struct.pack('>I', 1) + text(b'end') + text(b''))
    else: answer(101, rid, struct.pack('>I', 0) + text(b'') + text(b''))
'''


@pytest.mark.parametrize('name', ['/..', '/home/..', '../..', '../../', '/x/../'])
def test_a_node_does_not_choose_where_a_copy_goes(fresh, login, tmp_path, name):
    server = tmp_path / 'sftp-server'
    server.write_text(HOSTILE.replace('NAME', repr(name.encode())))
    server.chmod(0o755)
    tmp_path.chmod(0o755)
    fresh.start()
    fresh.start_node('evil', more=f'sftp_server: {server}\n')
    fresh.login(fresh.add_user('alice', logins=login))
    to = tmp_path / 'one' / 'two' / 'three'
    to.mkdir(parents=True)
    for source in ('~', '..'):
        out = fresh.tsh('alice', 'scp', '-r', f'{login}@evil:{source}', str(to), check=False)
        outside = [f for f in files(tmp_path) if f.endswith('evil') and not f.startswith('one/two/three/')]
        assert not outside, (source, out.stderr)


def test_a_target_with_a_slash_is_a_folder(scp, tmp_path):
    make(tmp_path, 'f')
    out = scp(tmp_path / 'f', f':{tmp_path}/new/', check=False)
    assert out.returncode == 1 and 'is not a folder' in out.stderr and not (tmp_path / 'new').exists()


def test_here_to_here_and_words_without_a_node(scp, tmp_path):
    for words in ((tmp_path / 'a', tmp_path / 'b'), (':x', tmp_path / 'a', tmp_path / 'b')):
        out = scp(*words, check=False)
        assert out.returncode == 1 and re.match(r'ERROR: (no node named|.* use cp)', out.stderr)


def test_progress_fits_the_terminal(cluster, alice, login, tmp_path):
    name = '日本語の名前' * 12
    (tmp_path / name).write_bytes(os.urandom(3_000_000))
    child = terminal(cluster, 'alice', 'scp', str(tmp_path / name), f'{login}@node-1:{tmp_path}/x')
    child.expect(r'日本.*\.\.\. +100% +3\.00 MB .*/s +00:0\d')
    assert 'MB' in child.after and '\n' not in child.after.strip()
    child.expect('\r\n')
    child.close()
