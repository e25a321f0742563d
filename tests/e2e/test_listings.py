# SPDX-License-Identifier: Apache-2.0
"""What lists show, and in which order."""
import json
import re

from cluster import wait_for


def test_tokens_are_listed_by_expiry(cluster):
    made = {ttl: cluster.tctl('tokens', 'add', '--type=audit', f'--ttl={ttl}', '--format=text').stdout.strip()
            for ttl in ('5h', '3h', '7h', '4h')}
    rows = cluster.tctl('tokens', 'ls').stdout.splitlines()
    at = {ttl: next(i for i, row in enumerate(rows) if token[:8] in row) for ttl, token in made.items()}
    assert sorted(at, key=at.get) == ['3h', '4h', '5h', '7h'], rows
    expires = [t['expires'] for t in json.loads(cluster.tctl('tokens', 'ls', '--format=json').stdout)]
    assert expires == sorted(expires) and len(expires) >= 4
    for token in made.values():
        cluster.tctl('tokens', 'rm', token)


def recorded(cluster, login, command):
    """The row of a session that has ended."""
    def row():
        rows = json.loads(cluster.tsh('alice', 'recordings', 'ls', '--limit=100', '--format=json').stdout)
        return next((r for r in rows if r['command'] == command and r['ended']), None)
    cluster.tsh('alice', 'ssh', f'{login}@node-1', command)
    return wait_for('the recording', row)


def test_recordings_are_listed_with_duration_and_command(cluster, alice, login):
    command = 'sleep 1.2; echo listed-for-its-command'
    recorded(cluster, login, command)
    lines = cluster.tsh('alice', 'recordings', 'ls', '--limit=100').stdout.splitlines()
    head, line = lines[0], next(line for line in lines if 'listed-for-its-command' in line)
    assert command in line or line.rstrip().endswith('...'), line
    start = head.index('Duration')
    # As long as it slept, and what a slow machine adds.
    assert 1.2 <= float(re.match(r'(\d+\.\d)s ', line[start:]).group(1)) < 20, (head, line)
    assert head.index('Command') > start


def test_a_recording_without_a_terminal_plays_as_a_cast_of_some_size(cluster, alice, login):
    """Nobody had a size; a player that is told 0x0 shows nothing."""
    row = recorded(cluster, login, 'echo cast-without-a-terminal')
    assert not row['interactive']
    head, *events = map(json.loads, cluster.tsh('alice', 'play', '--format=asciicast', row['id']).stdout.splitlines())
    assert head['version'] == 2 and (head['width'], head['height']) == (80, 24)
    assert 'cast-without-a-terminal' in ''.join(e[2] for e in events if e[1] == 'o')
