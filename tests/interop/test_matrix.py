# SPDX-License-Identifier: Apache-2.0
"""Every foreign client with everything that people do with one, on a real node through a real proxy. docs/INTEROP.md is the table
of it, and is compared with what is tested here; `/usr/bin/python3 tests/interop/test_matrix.py` prints it."""
import os
import random
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from clients import CLIENTS, MIB, PuTTY, World, wait_until  # noqa: E402
from openssh_regress import SCRIPTS  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMAND_BYTES = 120 * 1024


@pytest.fixture(scope='module')
def world(cluster, alice, login, build, tmp_path_factory):
    return World(cluster, 'alice', login, build, tmp_path_factory.mktemp('matrix'))


@pytest.fixture(scope='module')
def made():
    return {}


@pytest.fixture
def client(request, world, made):
    """One of each class, made when it is first needed."""
    cls = request.param
    if cls not in made:
        made[cls] = cls(world)
    return made[cls]


def exit_statuses(client, world):
    for status in (0, 1, 255):
        assert client.run(f'exit {status}').returncode == status


def echo(client, world):
    data = random.Random(1).randbytes(8 * MIB)
    out = client.run('cat', data)
    assert out.returncode == 0, out.stderr
    assert out.stdout == data


def stderr_apart(client, world):
    out = client.run('echo out; echo err >&2')
    assert (out.stdout, out.stderr) == (b'out\n', b'err\n')


def terminal(client, world):
    assert client.terminal() == ['24 80', '40 100']


def environment(client, world):
    assert client.environment('echo $LC_MATRIX_1').stdout == b'yes\n'


def files(client, world):
    """Up, renamed, a link to it, and down through the link: its target shows the order of SYMLINK's arguments."""
    data = random.Random(2).randbytes(3 * MIB + 17)
    folder = os.path.join(world.cluster.dir, 'files-' + type(client).__name__)
    assert client.files(folder, data) == data
    assert sorted(f for f in os.listdir(folder) if f != '.git') == ['b', 'link']
    assert os.readlink(f'{folder}/link') == 'b'
    with open(f'{folder}/b', 'rb') as f:
        assert f.read() == data


def keys_change(client, world):
    """Every MiB, with data under way in both directions."""
    data = random.Random(3).randbytes(8 * MIB)
    out = client.rekey('cat', data)
    assert out.returncode == 0, out.stderr
    assert out.stdout == data


def many_sessions(client, world):
    out = client.many('sleep 0.2; echo session %d')
    assert sorted(out.decode().split('\n')) == ['', *(f'session {i}' for i in range(10))]


def closed_reader(client, world):
    marker = f'matrix-{os.getpid()}-{type(client).__name__}'
    assert marker.encode() in client.reader(f'yes {marker}')
    wait_until('the end of the command', lambda: subprocess.run(['pgrep', '-f', f'yes {marker}'], stdout=subprocess.DEVNULL
                                                                ).returncode != 0)


def long_command(client, world):
    tail = '; echo end'
    out = client.run(': ' + 'x' * (COMMAND_BYTES - 2 - len(tail)) + tail)
    assert (out.returncode, out.stdout) == (0, b'end\n'), out.stderr


# Row: its title, its check, and the method of a client that it needs.
ROWS = {
    'run': ('exit statuses 0, 1, 255', exit_statuses, 'run'),
    'echo': ('8 MiB through `cat`', echo, 'run'),
    'stderr': ('stderr apart', stderr_apart, 'run'),
    'terminal': ('terminal, resized', terminal, 'terminal'),
    'environment': ('environment', environment, 'environment'),
    'files': ('files', files, 'files'),
    'rekey': ('new keys every MiB', keys_change, 'rekey'),
    'many': ('ten sessions, one connection', many_sessions, 'many'),
    'reader': ('closed reader', closed_reader, 'reader'),
    'long': ('120 KiB command', long_command, 'run'),
}
CELLS = [pytest.param(c, r, id=f'{c.__name__}-{r}') for c in CLIENTS for r in ROWS if hasattr(c, ROWS[r][2])]


@pytest.mark.parametrize('client,row', CELLS, indirect=['client'])
def test_matrix(client, row, world):
    ROWS[row][1](client, world)


def test_a_client_of_two_processes_does_not_stall(world, made):
    """plink over `plink -nc` writes into its own pipe without looking; one run of five hung before the proxy took enough."""
    client = made.setdefault(PuTTY, PuTTY(world))
    for _ in range(6):
        echo(client, world)


# --- the document -----------------------------------------------------------------------------------

def document():
    notes, lines = [], []

    def cell(c, r):
        if hasattr(c, ROWS[r][2]):
            return 'yes'
        why = c.WHY[r]
        if why not in notes:
            notes.append(why)
        return f'- ({notes.index(why) + 1})'
    lines += ['| | ' + ' | '.join(c.name for c in CLIENTS) + ' |', '|---' * (len(CLIENTS) + 1) + '|']
    for r, (title, _, _) in ROWS.items():
        lines.append(f'| {title} | ' + ' | '.join(cell(c, r) for c in CLIENTS) + ' |')
    lines += ['', *(f'{i}. {n}.' for i, n in enumerate(notes, 1))]
    lines += ['', '## OpenSSH\'s own regression scripts', '', '| script | |', '|---|---|']
    lines += [f'| {name} | {verdict} |' for name, verdict in sorted(SCRIPTS.items())]
    return '\n'.join(lines) + '\n'


def test_the_document_is_what_is_tested():
    with open(os.path.join(TOP, 'docs', 'INTEROP.md')) as f:
        assert f.read().endswith(document())


if __name__ == '__main__':
    sys.stdout.write(document())
