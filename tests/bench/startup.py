# SPDX-License-Identifier: Apache-2.0
"""How long programs take that do nothing: linking and the like."""
from field import Run, medians


def startup(f):
    runs = {**f.each(lambda side: Run([side.cluster.bin('tsh'), 'version', '--client'], side.env)), 'peer': Run(['ssh', '-V'])}
    ms = medians(runs, f.args.rounds * 2, lambda run: run.seconds() * 1000)
    f.figure('start of tsh', 'ms', {name: ms[name] for name in f.sides}, None, 10, beside=ms['peer'])
