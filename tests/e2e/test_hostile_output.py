# SPDX-License-Identifier: Apache-2.0
"""What a node prints does not steer the terminal of whoever reads it: fan-out, a recording that is played, lists."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import uuid

import pytest

from cluster import wait_for

pytestmark = pytest.mark.sanitized

# Each would make a terminal do something, or answer; between them text that is to be seen.
HOSTILE = {
    'clipboard': r'\033]52;c;ZXZpbA==\007',
    'clipboard, by ST': r'\033]52;c;ZXZpbA==\033\\',
    'title': r'\033]0;evil-title\007',
    'title report': r'\033[21t',
    'link': r'\033]8;;http://evil/\033\\',
    'status of settings': r'\033P$qm\033\\',
    'device attributes': r'\033[c\033[>c\033Z',
    'cursor position': r'\033[6n\033[?6n',
    'answerback': r'\005',
    'media copy': r'\033[5i\033[4i\033[?5i',
    'size of the window': r'\033[8;1;1t\033[18t',
    'mouse': r'\033[?1000h\033[?1006h\033[?1003h',
    'keyboard': r'\033[?2004h\033=\033[>4;2m\033[?1h',
    'program command': r'\033_Gi=1,a=q;AAAA\033\\',
    'C1': r'\302\2336n\2336n\235 52;c;eA==\234',
}
COMMAND = 'printf "' + ''.join(f'seen-{i}{text}' for i, text in enumerate(HOSTILE.values())) + 'seen-end\\n"'

ALLOWED = re.compile(rb'\x1b\[[0-9;:]*[@A-HIJKLMPSTXZ`ademr]|\x1b\[4[hl]|\x1b\[\?(6|7|25|47|104[789])[hl]|\x1b[78DEM]|'
                     rb'\x1b[()*+][0AB]|\x1b#8|[\r\n\b\t\x0e\x0f]')


def harmless(data):
    """Printable text and sequences that only show things."""
    text = ALLOWED.sub(b'', data).decode()  # UTF-8 throughout
    bad = [c for c in text if ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0]
    assert not bad, (bad, data)


def in_terminal(cluster, user, *args, size=(24, 80)):
    """All that tsh writes to a terminal of that size, without colours of its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', *size, 0, 0))
    proc = subprocess.Popen([cluster.bin('tsh'), *args], stdin=slave, stdout=slave, stderr=slave,
                            env={**os.environ, **cluster.env(user), 'NO_COLOR': '1'}, start_new_session=True)
    os.close(slave)
    out = b''
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        out += data
    proc.wait(60)
    os.close(master)
    return out


@pytest.fixture(scope='module')
def recording(cluster, alice, login):
    """A session with a terminal of 80x24 in which all of it was printed."""
    mark = f'mark-{uuid.uuid4()}'
    in_terminal(cluster, 'alice', 'ssh', '-t', f'{login}@node-1', f': {mark}; {COMMAND}')
    return wait_for('the recording', lambda: cluster.sql(
        f"SELECT id FROM sessions WHERE command LIKE '%{mark}%' AND ended IS NOT NULL"))[0][0]


@pytest.mark.parametrize('size', [(24, 80), (50, 200), (10, 20)], ids=['same', 'larger', 'smaller'])
def test_a_recording_that_is_played_only_shows_things(cluster, recording, size):
    out = in_terminal(cluster, 'alice', 'play', '--speed=8x', '--skip-idle-time', recording, size=size)
    harmless(out)
    assert b'evil-title' not in out and b'ZXZpbA' not in out
    if size[1] >= 80:
        text = re.sub(r'[\r\n]', '', ALLOWED.sub(b'', out).decode())
        assert [i for i in range(len(HOSTILE)) if f'seen-{i}' not in text] == [] and 'seen-end' in text
    else:
        assert b'what does not fit is cut' in out


def test_a_recording_that_is_played_into_a_pipe_only_shows_things(cluster, recording):
    out = cluster.tsh('alice', 'play', '--speed=8x', recording, text=False).stdout
    harmless(out)
    assert b'seen-end' in out


@pytest.mark.parametrize('form', ['text', 'json', 'asciicast'])
def test_no_other_form_of_a_recording_steers_a_terminal(cluster, recording, form):
    out = cluster.tsh('alice', 'play', f'--format={form}', recording, text=False).stdout
    harmless(out)
    assert b'\x1b' not in out and b'seen-end' in out


def test_fan_out_shows_what_would_steer_a_terminal(cluster, alice, login):
    command = COMMAND.replace('printf "', 'printf "a\\tb\\n') + ' | tee /dev/stderr'
    for out in (in_terminal(cluster, 'alice', 'ssh', f'{login}@env=example', command),
                cluster.tsh('alice', 'ssh', f'{login}@env=example', command, text=False).stdout):
        harmless(out)
        assert b'\x1b' not in out and b'a\tb' in out
        assert rb'seen-0\x1b]52;c;ZXZpbA==\x07seen-1' in out and rb'\xc2\x9b6n' in out


def test_fan_out_is_raw_into_a_pipe_alone(cluster, alice, login):
    command = "printf '\\033[31mred\\r\\n'"
    out = cluster.tsh('alice', 'ssh', '--raw', f'{login}@env=example', command, text=False).stdout
    assert b'] \x1b[31mred\r\n' in out
    refused = in_terminal(cluster, 'alice', 'ssh', '--raw', f'{login}@env=example', command)
    assert b'ERROR' in refused and b'--raw' in refused and b'\x1b' not in refused


@pytest.mark.parametrize('form', ['text', 'json', 'yaml'])
def test_lists_show_what_would_steer_a_terminal(cluster, alice, login, form):
    mark = f'mark-{uuid.uuid4()}'
    cluster.tsh('alice', 'ssh', f'{login}@node-1', f": '{mark} \x1b]0;evil\x07\u009b6n\u202e'")
    wait_for('the event', lambda: cluster.sql(f"SELECT 1 FROM sessions WHERE command LIKE '%{mark}%'"))
    for args in (['audit', 'ls', '--last=1h', '--limit=100'], ['recordings', 'ls']):
        out = cluster.tctl(*args, f'--format={form}', text=False).stdout
        harmless(out)
        assert b'\x1b' not in out and '\u202e'.encode() not in out
