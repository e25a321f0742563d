# SPDX-License-Identifier: Apache-2.0
"""A connection outlives what let it in (ControlMaster): each session on it is asked for anew."""
import json
import subprocess
import time

import pytest

from cluster import wait_for


@pytest.fixture
def grace(cluster, alice, login, tmp_path):
    """A user with a role of her own; role(logins) writes that role again."""
    path = tmp_path / 'role.yaml'

    def role(logins):
        path.write_text(json.dumps({'kind': 'role', 'version': 'v1', 'metadata': {'name': 'graces-own'},
                                    'spec': {'allow': {'logins': logins, 'node_labels': {'*': '*'}}}}))
        cluster.tctl('create', '-f', '--force', str(path))

    role([login])
    person = cluster.add_user('grace', roles='graces-own', logins=login)
    yield person, role
    cluster.tctl('users', 'rm', 'grace')
    cluster.tctl('rm', 'role/graces-own')


@pytest.fixture
def standing(cluster, alice, login, tmp_path):
    """standing() opens grace's connection; what it returns runs a command on it."""
    procs = []

    def connect():
        config = cluster.ssh_config('grace')
        path = tmp_path / 'c'
        ssh = ['ssh', '-F', config, '-o', 'BatchMode=yes', '-S', str(path), f'{login}@node-1.{cluster.name}']
        procs.append(subprocess.Popen([*ssh[:-1], '-MN', ssh[-1]], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL))
        wait_for('the connection', path.exists)
        return lambda command: cluster.run(*ssh, command, check=False)

    yield connect
    for proc in procs:
        proc.kill()
        proc.wait()


def test_a_role_that_was_narrowed_counts_for_the_next_session_of_an_old_connection(cluster, grace, standing):
    person, role = grace
    cluster.login(person)
    ssh = standing()
    assert ssh('echo in').stdout == 'in\n'
    role(['somebody-else'])
    # The old connection may end under a command: the next one asks on its own, and hears why.
    out = wait_for('the refusal', lambda: (lambda r: 'denied' in r.stderr and r)(ssh('echo in')))
    assert out.returncode and not out.stdout


def test_a_certificate_that_ended_starts_no_session_on_an_old_connection(cluster, grace, standing):
    person, _ = grace
    cluster.login(person, True, '--ttl=6s')
    ssh = standing()
    assert ssh('echo in').stdout == 'in\n'
    time.sleep(7)
    out = ssh('echo in')
    assert out.returncode and 'expired' in out.stderr
