# SPDX-License-Identifier: Apache-2.0
"""A cluster of ten thousand nodes and as many users: what lists, searches and connects works as in a small one."""
import json

import pytest

from authd import Authd, pb, fails
from cluster import wait_for
from many_nodes import MANY, fill

@pytest.fixture
def authd(build, tmp_path):
    a = Authd(str(tmp_path), build).start()
    yield a
    a.stop()


def test_ten_thousand_nodes_are_listed_found_and_reached(fresh):
    fresh.start([('node-1', 'env=example,team=x,tier=backend')])
    fresh.login(fresh.add_user('alice'))
    fresh.daemons['authd'].stop()
    fill(fresh.path('authd', 'authd.sqlite'))
    fresh.restart('authd')
    wait_for('the nodes', lambda: {'node-1', 'web-00000'} <= fresh.node_names())

    names = ['node-1'] + [f'web-{i:05}' for i in range(MANY)]
    for shown in (fresh.tsh('alice', 'ls', '--format=json'), fresh.tctl('nodes', 'ls', '--format=json')):
        assert [n['spec']['hostname'] for n in json.loads(shown.stdout)] == names
    assert fresh.tsh('alice', 'ls', 'tier=backend').stdout.count('\nweb-') == MANY
    assert [n['spec']['hostname'] for n in json.loads(fresh.tsh('alice', 'ls', '--search=web-0999,backend', '--format=json').stdout)] == \
        [f'web-{i:05}' for i in range(9990, 10000)]
    users = {u['name'] for u in json.loads(fresh.tctl('users', 'ls', '--format=json').stdout)}
    assert users == {'alice'} | {f'person{i:05}' for i in range(MANY)}

    def last():
        """What the proxy says of one of those that are not there."""
        out = fresh.tsh('alice', 'ssh', 'root@web-09999', 'true', check=False)
        assert out.returncode != 0, out
        return out.stderr + out.stdout

    # By name, through a proxy that knows them all; and also when it begins with what is on its disk.
    wait_for('the proxy hears of them', lambda: 'offline' in last())
    assert fresh.tsh('alice', 'ssh', 'root@node-1', 'echo here').stdout == 'here\n'
    fresh.daemons['proxyd'].stop()
    fresh.restart('proxyd')
    fresh.wait_nodes(['node-1'])
    assert 'offline' in last()


def pages(method, field, limit, **asked):
    """The names on each page, and what it says comes next."""
    after, found = '', []
    while True:
        reply = method(after=after, limit=limit, **asked)
        found.append([getattr(x, 'name', '') or x.id for x in getattr(reply, field)])
        after = reply.next
        if not after:
            return found


def test_lists_come_page_by_page(authd):
    local = authd.local()
    for name in ('z', 'w', 'x', 'v', 'y'):
        local.AddUser(name=name, roles=['access'], logins=['root'])
        authd.join(name=name).beat()
        local.put(pb.Lock(name=name, user=name), kind='lock')
        local.AddToken(kind='node')
    by_name = [['v', 'w'], ['x', 'y'], ['z']]
    assert pages(local.ListUsers, 'users', 2) == by_name
    assert pages(local.ListNodes, 'nodes', 2) == by_name
    assert pages(local.ListNodes, 'nodes', 2, search='x') == [['x']]
    assert pages(local.GetResources, 'resources', 2, kind='lock') == by_name
    tokens = pages(local.ListTokens, 'tokens', 2)
    assert [len(p) for p in tokens] == [2, 2, 1] and len({t for p in tokens for t in p}) == 5
    assert pages(local.ListUsers, 'users', 5) == [['v', 'w', 'x', 'y', 'z']]
    assert pages(local.ListUsers, 'users', 0) == pages(local.ListUsers, 'users', 4294967295)


def test_a_page_goes_on_behind_what_was_removed_meanwhile(authd):
    local = authd.local()
    for name in ('a', 'b', 'c'):
        local.AddUser(name=name, roles=['access'], logins=['root'])
        authd.join(name=name).beat()
    users, nodes = local.ListUsers(limit=2), local.ListNodes(limit=2)
    local.RemoveUser(name='b')
    local.RemoveNode(name='b')
    assert [u.name for u in local.ListUsers(after=users.next).users] == ['c']
    assert [n.name for n in local.ListNodes(after=nodes.next).nodes] == ['c']


@pytest.mark.parametrize('after', ['x' * 10000, '\x01', 'no such', 'é', '/', 'x' * 36 + '/', '../node/x'])
def test_a_place_that_nobody_gave_harms_nobody(authd, after):
    local = authd.local()
    authd.join(name='a').beat()
    local.AddUser(name='a', roles=['access'], logins=['root'])
    for method in (local.ListUsers, local.ListTokens, local.ListNodes):
        assert fails(method, after=after)[0] == 'OK'
    assert fails(local.GetResources, kind='role', after=after)[0] == 'OK'
