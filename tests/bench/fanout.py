# SPDX-License-Identifier: Apache-2.0
"""One command on many nodes: `tsh ssh LABEL=VALUE`, beside clush over ssh with -J and -R.

Ours are as many noded as nodes; the peer's names all lead to the one sshd behind its tunnel, which spares it their start."""
import os

from field import Run, medians

NODES = 50


def more_nodes(side):
    names = [f'fan-{i}' for i in range(NODES)]
    for name in names:
        side.cluster.start_node(name, 'set=fan', wait=False)
    side.cluster.wait_nodes(names, 120)
    return names


def fanout(f):
    f.each(more_nodes)
    clush = ['clush', '-f', '64', '-S', '-o', f'-F {f.peer.config}', '-w', f'n[1-{NODES}]', 'true']
    runs = {**f.each(lambda side: Run([side.cluster.bin('tsh'), 'ssh', f'{side.login}@set=fan', 'true'], side.env)),
            'peer': Run(clush, {**os.environ, 'LC_ALL': 'C.UTF-8'})}
    for run in runs.values():
        run.seconds()
    s = medians(runs, max(3, f.args.rounds // 3), lambda run: run.seconds())
    f.figure(f'true on {NODES} nodes, clush', 's', {name: s[name] for name in f.sides}, s['peer'], 0.1)
    for side in f.sides.values():
        for i in range(NODES):
            side.cluster.daemons.pop(f'fan-{i}').stop()
