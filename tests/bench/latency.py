# SPDX-License-Identifier: Apache-2.0
"""The time of a whole `ssh NODE true`, connection included."""
from field import Run, medians


def latency(f):
    runs = {**f.both_clients('true'), 'peer': Run(f.peer.ssh('behind') + ['true'])}
    for run in runs.values():  # once for the caches
        run.seconds()
    ms = medians(runs, f.args.rounds, lambda run: run.seconds() * 1000)
    f.figure('ssh NODE true', 'ms', f.of_client(ms, 'ssh'), ms['peer'], 0.25)
    f.figure('tsh ssh NODE true', 'ms', f.of_client(ms, 'tsh'), ms['peer'], 0.35)
