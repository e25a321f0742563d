# SPDX-License-Identifier: Apache-2.0
"""The table of a run: a row for each figure, printed when it is known and kept for bench.json."""
import json


def line(f):
    """A row of the table."""
    if f is None:
        return f"{'':32}{'ours':>10} {'before':>10} {'OpenSSH':>10} {'':5}{'ratio':>8}   target"
    sign = '<=' if f['lower_is_better'] else '>='
    before, peer = ('' if f[key] is None else f'{f[key]:.3g}' for key in ('before', 'peer'))
    ratio = '' if f['ratio'] is None else f"{f['ratio']:.3f}"
    unit = '' if f['ratio'] is not None else ' ' + f['unit']
    return f"{f['name']:32}{f['ours']:10.3g} {before:>10} {peer:>10} {f['unit']:5}{ratio:>8}   {sign} {f['target']}{unit}" \
        f"   {'met' if f['met'] else 'MISSED'}"


class Table:
    def __init__(self):
        self.figures = []
        print(line(None), flush=True)

    def figure(self, name, unit, ours, peer, target, lower=True, beside=None):
        """ours: {side: figure}. target: what ours/peer may be at most (lower is better) or must be at least; for peer None,
        of ours itself, with beside the peer's figure only to look at."""
        value = ours['ours']
        ratio = value / peer if peer else None
        compared = value if ratio is None else ratio
        met = compared <= target if lower else compared >= target
        self.figures.append({'name': name, 'unit': unit, 'ours': round(value, 3),
                             'before': round(ours['before'], 3) if 'before' in ours else None,
                             'peer': round(peer or beside, 3) if peer or beside else None, 'ratio': round(ratio, 3) if ratio else None,
                             'target': target, 'lower_is_better': lower, 'met': met})
        print(line(self.figures[-1]), flush=True)

    def write(self, path):
        with open(path, 'w') as f:
            json.dump(self.figures, f, indent=1)
            f.write('\n')

    def summary(self):
        met = sum(f['met'] for f in self.figures)
        return f'{met} of {len(self.figures)} targets met'
