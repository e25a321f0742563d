# SPDX-License-Identifier: Apache-2.0
"""One command on many nodes: every host is accounted for."""
import json
import re

import pytest

from cluster import wait_for


@pytest.fixture(scope='module')
def fifty(cluster, alice):
    """Fifty nodes labelled fleet=f; the last three are then killed and so cannot be reached."""
    names = [f'fleet-{i:02d}' for i in range(50)]
    for name in names:
        cluster.start_node(name, f'fleet=f,name={name}', wait=False)
    cluster.wait_nodes(names, 120)
    # Labels come with the first heartbeat, behind the name.
    wait_for('labels', lambda: cluster.tsh('alice', 'ls', 'fleet=f', check=False).stdout.count('fleet=f') == len(names), 60)
    for name in names[-3:]:
        cluster.daemons[name].cut_off()
    yield names
    for name in names:
        cluster.daemons[name].kill()
        cluster.nodes.remove(name)


def test_fifty_nodes_three_down_two_failing(cluster, alice, login, fifty):
    command = 'case "$SALLYPORT_NODE" in fleet-0[34]) exit 5;; esac; for i in $(seq 200); do echo line $i of this node; done'
    out = cluster.tsh('alice', 'ssh', f'{login}@fleet=f', command, check=False)
    assert out.returncode == 1
    verdicts = dict(re.findall(r'^\[(fleet-\d\d)\] (success|failed with exit code 5|not reached: .+)$', out.stdout, re.M))
    assert sorted(verdicts) == fifty
    assert [n for n, v in verdicts.items() if v.startswith('failed')] == ['fleet-03', 'fleet-04']
    assert sorted(n for n, v in verdicts.items() if v.startswith('not')) == fifty[-3:]
    assert '45 host(s) succeeded; 2 host(s) failed; 3 host(s) not reached' in out.stdout
    lines = [line for line in out.stdout.splitlines() if ' of this node' in line]
    assert len(lines) == 45 * 200
    assert all(re.fullmatch(r'\[fleet-\d\d\] line \d+ of this node', line) for line in lines)


def test_json_accounts_for_every_host(cluster, alice, login, fifty):
    out = cluster.tsh('alice', 'ssh', '--format=json', '-P', '8', f'{login}@fleet=f', 'echo $SALLYPORT_NODE', check=False)
    assert out.returncode == 1
    result = json.loads(out.stdout)
    assert result['summary'] == {'succeeded': 47, 'failed': 0, 'unreached': 3}
    for host in result['hosts']:
        if host['result'] == 'success':
            assert host['stdout'] == host['node'] + '\n' and host['exit_status'] == 0
        else:
            assert host['error']


def test_no_match_is_an_error(cluster, alice, login):
    out = cluster.tsh('alice', 'ssh', f'{login}@fleet=nothing', 'true', check=False)
    assert out.returncode == 1 and out.stderr.startswith('ERROR: ')
