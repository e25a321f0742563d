# SPDX-License-Identifier: Apache-2.0
"""A proxy, or jump server, that is 100 ms away and back: how long a command takes, and bytes both ways."""
import contextlib
import os

from far import Far, far_home
from field import NODE, Run, medians

ONE_WAY = 0.05
MIB = 1 << 20


def of_side(side, port):
    """{client: argv before the command, and its environment} with the proxy at that port."""
    home = far_home(side.cluster, 'alice', side.cluster.public_port, port)
    env = {**side.env, 'SALLYPORT_HOME': home}
    tsh = side.cluster.bin('tsh')
    config = side.cluster.write('far_ssh_config', side.cluster.run(tsh, 'config', env=env).stdout)
    return {'ssh': (['ssh', '-F', config, f'{side.login}@{NODE}.{side.cluster.name}'], env),
            'tsh': ([tsh, 'ssh', f'{side.login}@{NODE}'], env)}


def of_peer(peer, port):
    config = peer.read('ssh_config').replace(f'Port {peer.jump_port}\n', f'Port {port}\n')
    known = peer.read('known_hosts').replace(f'[127.0.0.1]:{peer.jump_port} ', f'[127.0.0.1]:{port} ')
    config = config.replace(peer.path('known_hosts'), peer.write('far_known_hosts', known))
    return ['ssh', '-F', peer.write('far_ssh_config', config), 'behind'], None


def long_path(f):
    with contextlib.ExitStack() as relays:
        def relay(port):
            return relays.enter_context(Far(port, ONE_WAY)).port
        clients = {(client, name): how for name, side in f.sides.items()
                   for client, how in of_side(side, relay(side.cluster.ssh_port)).items()}
        clients['peer'] = of_peer(f.peer, relay(f.peer.jump_port))
        rounds = max(3, f.args.rounds // 3)

        def measure(command, figure):
            return medians({name: Run(argv + [command], env) for name, (argv, env) in clients.items()}, rounds, figure)

        def write(name, unit, all_of_it, targets, lower=True):
            for client, target in zip(('ssh', 'tsh'), targets):
                f.figure(f'{name}, {client}', unit, f.of_client(all_of_it, client), all_of_it['peer'], target, lower)

        write('100 ms: true', 's', measure('true', lambda run: run.seconds()), (0.95, 0.3))
        path = os.path.join(f.dir, 'far_bytes')
        for mib, unit in ((8, 's'), (64, 'MB/s')):
            with open(path, 'wb') as out:
                out.write(os.urandom(MIB) * mib)
            for way, command, feed in (('down', f'cat {path}', None), ('up', 'cat >/dev/null', ['cat', path])):
                if mib == 8:
                    write(f'100 ms: 8 MiB {way}', unit, measure(command, lambda run: run.seconds(feed)), (1, 0.6))
                else:
                    mbs = measure(command, lambda run: mib * MIB / 1e6 / run.seconds(feed))
                    write(f'100 ms: {mib} MiB {way}', unit, mbs, (1, 1.5), lower=False)
