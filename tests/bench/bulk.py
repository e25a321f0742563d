# SPDX-License-Identifier: Apache-2.0
"""Bytes a second both ways through one session."""
from field import Run, medians

MIB = 1 << 20


def source(f):
    """Makes the bytes: in large pieces, or it would be a good part of what is measured (`head -c` writes 4 KiB)."""
    return ['dd', 'if=/dev/zero', 'bs=128k', f'count={f.args.size * 8}', 'status=none']


def bulk(f):
    zeros = source(f)
    mb = f.args.size * MIB / 1e6
    for way, command, feed in (('down', ' '.join(zeros), None), ('up', 'cat >/dev/null', zeros)):
        runs = {**f.both_clients(command),
                **{host: Run(f.peer.ssh(host) + [command]) for host in ('behind', 'plain')}}
        mbs = medians(runs, max(3, f.args.rounds // 3), lambda run: mb / run.seconds(feed))
        for client in ('ssh', 'tsh'):
            ours = f.of_client(mbs, client)
            f.figure(f'bulk {way}, {client}, -J and -R', 'MB/s', ours, mbs['behind'], 2.5, lower=False)
            f.figure(f'bulk {way}, {client}, plain -J', 'MB/s', ours, mbs['plain'], 0.8, lower=False)
