# SPDX-License-Identifier: Apache-2.0
"""make bench: what Sallyport takes, beside what OpenSSH takes for the same, in one run on this machine.

    bench.py BUILD [--before TREE] [--only WORD[,WORD...]] [--rounds N] [--size MIB] [--tunnels N] [--events N]

A real cluster (tools/cluster) and the peer (peer.py) stand side by side, everything on loopback. Runs of both alternate,
so that what else happens on the machine hits both; medians count. Writes BUILD/bench.json, a list of {name, unit, ours,
before, peer, ratio}, and prints a table with the target of each figure. With --before a cluster of another checkout,
built in its folder build, stands beside them and takes the same turns: what a change cost is told from noise by that.

As root it works in a mount namespace of its own, in which root's shell is /bin/sh and his home an empty folder: rc
files of a login shell would be most of what is measured.
"""
import argparse
import ctypes
import os
import shutil
import signal
import sys
import tempfile

from bulk import bulk
from cost import node_cpu, session_cpu, session_rate
from fanout import fanout
from field import TOP, Failure, Field
from ingest import ingest
from latency import latency
from logins import logins
from long_path import long_path
from many import ten_thousand
from memory import hundred, idle, pty
from recorded import recorded
from startup import startup
from storage import storage
from table import Table
from tunnels import tunnels
from web import web

# A part measures one thing with the field that it is given, and writes its rows with field.figure().
PARTS = (
    idle,
    startup,
    latency,
    session_cpu,
    node_cpu,
    session_rate,
    pty,
    hundred,
    bulk,
    recorded,
    long_path,
    tunnels,
    ingest,
    storage,
    fanout,
    logins,
    web,
    ten_thousand,  # the last: there are ten thousand nodes from then on
)


def plain_login(folder):
    """root with /bin/sh and an empty home, in this process's own mount namespace only."""
    if os.getuid() != 0:
        return
    home = os.path.join(folder, 'root')
    os.makedirs(home, mode=0o700)
    with open('/etc/passwd') as f:
        lines = [line.rstrip('\n').split(':') for line in f if line.count(':') == 6]
    passwd = os.path.join(folder, 'passwd')
    with open(passwd, 'w') as f:
        for name, *rest in lines:
            f.write(':'.join([name, *(rest[:4] + [home, '/bin/sh'] if name == 'root' else rest)]) + '\n')
    libc = ctypes.CDLL(None, use_errno=True)
    private, bind, newns = 1 << 18 | 1 << 14, 1 << 12, 0x20000
    if libc.unshare(newns) != 0 or libc.mount(b'none', b'/', None, private, None) != 0 or \
            libc.mount(passwd.encode(), b'/etc/passwd', None, bind, None) != 0:
        print('no mount namespace here: root\'s own shell and its rc files are part of the figures', flush=True)
        return
    os.environ.update(HOME=home, SHELL='/bin/sh')


def our_pam_service(folder):
    """Our PAM service, as `make install` puts it there; sshd keeps its own. In this process's mount namespace only."""
    if os.getuid() != 0:
        return
    there = os.path.join(folder, 'pam.d')
    shutil.copytree('/etc/pam.d', there)
    shutil.copy(os.path.join(TOP, 'deploy', 'pam', 'sallyport'), there)
    if ctypes.CDLL(None).mount(there.encode(), b'/etc/pam.d', None, 1 << 12, None) != 0:
        print('no mount namespace here: the node uses the PAM service that this machine has', flush=True)


def take_machine():
    """What else runs on this machine mostly has to wait, for both sides alike. No more than that: at real-time priority a
    relay kept two cores so busy that nobody could log in to the machine."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    except PermissionError:
        print('not root: whatever else runs on this machine is part of the figures', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('build')
    parser.add_argument('--before', metavar='TREE', help='a checkout with its build, measured beside')
    parser.add_argument('--only', help=', '.join(part.__name__ for part in PARTS))
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--size', type=int, default=1024, help='MiB of a bulk run')
    parser.add_argument('--tunnels', type=int, default=500)
    parser.add_argument('--events', type=int, default=200000, help='of a run into the database')
    args = parser.parse_args()
    unknown = set(args.only.split(',') if args.only else ()) - {part.__name__ for part in PARTS}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build = os.path.abspath(args.build)
    folder = tempfile.mkdtemp(prefix='sp-bench-', dir='/tmp')
    os.chmod(folder, 0o755)
    field = None
    try:
        plain_login(folder)
        our_pam_service(folder)
        take_machine()
        table = Table()
        field = Field(folder, build, args, table)
        field.start()
        for part in PARTS:
            if not args.only or part.__name__ in args.only.split(','):
                part(field)
    except Failure as e:
        print(f'ERROR: {e}', file=sys.stderr)
        return 1
    finally:
        if field:
            field.stop()
        if os.environ.get('KEEP'):
            print(f'kept: {folder}')
        else:
            shutil.rmtree(folder, ignore_errors=True)
    path = os.path.join(build, 'bench.json')
    table.write(path)
    print(f'{table.summary()}; {path}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
