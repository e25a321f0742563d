# SPDX-License-Identifier: Apache-2.0
"""What stock clients and shells take for granted of an SSH server: readers that go away, long commands, variables, names."""
import os
import subprocess
import time

import pytest

from cluster import wait_for

COMMAND_MAX = 131071  # execve's limit for one argument, without its NUL


@pytest.fixture(scope='module')
def config(cluster, alice):
    return cluster.write('alice-ssh-config', cluster.tsh('alice', 'config').stdout)


@pytest.fixture(scope='module')
def ways(cluster, config, login):
    """Each way to run something on node-1; in fan-out on node-2 as well."""
    ssh, tsh = ['ssh', '-F', config], [cluster.bin('tsh'), 'ssh']
    return {'ssh': [*ssh, f'{login}@node-1.{cluster.name}'],
            'ssh -tt': [*ssh, '-tt', f'{login}@node-1.{cluster.name}'],
            'tsh': [*tsh, f'{login}@node-1'],
            'tsh -t': [*tsh, '-t', f'{login}@node-1'],
            'fan-out': [*tsh, f'{login}@env=example']}


@pytest.fixture(scope='module')
def start(cluster, ways):
    def run(way, *command, **kw):
        kw.setdefault('stdin', subprocess.DEVNULL)
        return subprocess.Popen([*ways[way], *command], env={**os.environ, **cluster.env('alice')},
                                stdout=subprocess.PIPE, **kw)
    return run


def processes(marker):
    """Of the nodes' sessions, by a word of their command line."""
    return subprocess.run(['pgrep', '-f', marker], capture_output=True, text=True).stdout.split()


# --- readers that go away ------------------------------------------------------------------------

@pytest.mark.parametrize('stdin', ['open', 'none'])
@pytest.mark.parametrize('stderr', ['apart', '2>&1'])
@pytest.mark.parametrize('way', ['ssh', 'ssh -tt', 'tsh', 'tsh -t', 'fan-out'])
def test_a_closed_reader_ends_the_command(start, way, stderr, stdin):
    """`ssh NODE yes | head -1`: the client ends, and so does what it started. With standard input open, as on a terminal,
    OpenSSH says so with eow@openssh.com; without, it closes the channel."""
    marker = f'reader-{os.getpid()}-{time.monotonic_ns()}'
    proc = start(way, f'yes {marker}', stderr=subprocess.STDOUT if stderr == '2>&1' else subprocess.DEVNULL,
                 stdin=subprocess.PIPE if stdin == 'open' else subprocess.DEVNULL)
    assert marker.encode() in proc.stdout.readline()
    proc.stdout.close()
    assert proc.wait(30) != 0
    wait_for('the end of the command', lambda: not processes(f'yes {marker}'))


def test_what_a_command_says_after_its_reader_left_is_still_heard(start):
    # ssh loses what comes together with the end once its output is closed, from sshd as well (39 of 40): it is given a second.
    for way, pause in (('ssh', 'sleep 1;'), ('tsh', '')):
        proc = start(way, f'yes; echo last-words >&2; {pause} exit 7', stderr=subprocess.PIPE, stdin=subprocess.PIPE)
        proc.stdout.readline()
        proc.stdout.close()
        assert b'last-words' in proc.stderr.read()
        assert proc.wait(30) == 7


def test_a_break_on_a_terminal_ends_nobody(start):
    """RFC 4335, `~B` of ssh: an ioctl of its own, which the worker's filter did not know."""
    other = start('ssh', 'echo ready; exec sleep 300')
    assert other.stdout.readline() == b'ready\n'
    proc = start('ssh -tt', 'stty -echo ignbrk; echo ready; read x; read y; echo got:$x$y', stdin=subprocess.PIPE)
    while b'ready' not in proc.stdout.readline():
        pass
    for said in (b'one\r', b'~B', b'two\r'):
        proc.stdin.write(said)
        proc.stdin.flush()
        time.sleep(0.3)
    assert b'got:onetwo' in proc.stdout.read()
    assert proc.wait(30) == 0 and other.poll() is None
    other.kill()
    other.wait()


def test_a_closed_standard_error_alone_ends_nothing(start):
    proc = start('tsh', 'for i in 1 2 3; do echo noise >&2; sleep 0.1; done; echo whole', stderr=subprocess.PIPE)
    proc.stderr.close()
    assert proc.stdout.read() == b'whole\n'
    assert proc.wait(30) == 0


def test_output_that_cannot_be_written_is_an_error(cluster, ways):
    with open('/dev/full', 'wb') as full:
        proc = subprocess.run([*ways['tsh'], 'echo x'], env={**os.environ, **cluster.env('alice')}, stdout=full,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=30)
    assert proc.returncode == 1 and b'cannot write its output: No space left on device' in proc.stderr


# --- long commands -------------------------------------------------------------------------------

@pytest.mark.parametrize('way', ['ssh', 'tsh'])
@pytest.mark.parametrize('size', [120 * 1024, COMMAND_MAX])
def test_a_long_command_runs(start, way, size):
    tail = '; echo $#'
    command = ': ' + 'x' * (size - 2 - len(tail)) + tail
    proc = start(way, command)
    assert proc.stdout.read() == b'0\n' and proc.wait(30) == 0


def test_a_command_over_the_limit_is_refused_in_words(cluster, start, config, login):
    # One argument of a program is at most as long, so longer ones are joined of several.
    words = ['x' * 65535, 'x' * 65535, 'x']
    proc = start('ssh', *words, stderr=subprocess.PIPE)
    _, err = proc.communicate(timeout=30)
    assert proc.returncode == 254 and b'ERROR: the command is too long: 131073 bytes, and the system takes 131071' in err
    proc = start('tsh', *words, stderr=subprocess.PIPE)
    _, err = proc.communicate(timeout=30)
    assert proc.returncode == 1 and b'the command is too long: a node takes 131071 bytes' in err
    # More than a packet holds: the connection ends. (Why is in its last message, tests/unit/lib/ssh/stranger_test.c; a client that
    # still writes when the other side is gone may not come to read that.)
    proc = start('ssh', *['x' * 65535] * 5, stderr=subprocess.PIPE)
    proc.communicate(timeout=30)
    assert proc.returncode == 255
    assert start('ssh', 'echo ok').communicate(timeout=30)[0] == b'ok\n'


# --- variables and names ----------------------------------------------------------------------------

def test_variables_about_texts_come_through_by_any_name(cluster, ways):
    env = {**os.environ, **cluster.env('alice'), 'LC_ISO_8859_15': 'a', 'LC_1': 'b', 'LC_own': 'c', 'LCX': 'd', 'LD_AUDIT_X': 'e'}
    for way, options in (('ssh', ['-o', 'SendEnv=LC_* LCX LD_AUDIT_X']), ('tsh', [])):
        argv = [*ways[way][:-1], *options, ways[way][-1], 'echo $LC_ISO_8859_15-$LC_1-$LC_own-$LCX-$LD_AUDIT_X']
        assert subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30).stdout == 'a-b-c--\n'


def test_names_count_in_any_case_of_letters(cluster, config, login):
    for name in ('NODE-1', 'Node-1', f'NODE-1.{cluster.name.upper()}'):
        out = cluster.tsh('alice', 'ssh', f'{login}@{name}', 'echo ok', check=False)
        assert (out.returncode, out.stdout) == (0, 'ok\n'), (name, out.stderr)
    out = cluster.run('ssh', '-F', config, f'{login}@NODE-1.{cluster.name}', 'echo ok', check=False)
    assert (out.returncode, out.stdout) == (0, 'ok\n'), out.stderr


def test_a_client_that_needs_no_more_sessions_gets_none(cluster, config, login):
    """Stock ssh says so, by our name, when it has its one session."""
    out = cluster.run('ssh', '-vv', '-F', config, f'{login}@node-1.{cluster.name}', 'true')
    assert out.stderr.count('Requesting no-more-sessions@openssh.com') >= 1
    assert 'Remote protocol version 2.0, remote software version OpenSSH_9.9 Sallyport_' in out.stderr
