# SPDX-License-Identifier: Apache-2.0
"""A person's SSH key may be ECDSA P-256, which browsers make that know no Ed25519: through every check that a login meets, at
authd, at the proxy, at the node's worker and monitor, and at auditd, which holds the session to the signature."""
import base64
import re

from authd import fails
from cluster import wait_for
from cryptography.hazmat.primitives.asymmetric import ec, rsa
import own_keys


def line(cert):
    return 'ecdsa-sha2-nistp256-cert-v01@openssh.com ' + base64.b64encode(cert).decode() + '\n'


def test_a_p256_key_logs_in_through_proxy_and_node_and_is_in_the_trail(cluster, login):
    person = cluster.add_user('petra', roles='access', logins=login)
    keys = own_keys.OwnKeys('p256')
    reply, _ = own_keys.login(cluster, person, keys)
    key = cluster.write('petra.key', keys.openssh())
    cluster.write('petra.key-cert.pub', line(reply.ssh_cert))
    cluster.login(person)
    config = re.sub(r'IdentityFile .*|CertificateFile .*', '', cluster.tsh('petra', 'config').stdout)
    config = cluster.write('petra.config', f'IdentityFile "{key}"\nCertificateFile "{key}-cert.pub"\n' + config)
    out = cluster.run('ssh', '-v', '-F', config, f'{login}@node-1.{cluster.name}', 'echo here; exit 7', check=False)
    assert out.returncode == 7 and out.stdout == 'here\n', out.stderr
    # Both logins: at the proxy and at the node.
    assert out.stderr.count('Server accepts key: ' + key) + out.stderr.count('ECDSA-CERT') >= 2
    # auditd believes a node only what a signature of the person proves.
    wait_for('the session of petra', lambda: cluster.sql("SELECT 1 FROM sessions WHERE username = 'petra' AND backed = 'signature' AND ended IS NOT NULL"))


def test_a_p384_or_rsa_key_is_not_certified(cluster, login):
    person = cluster.add_user('paul', roles='access', logins=login)
    for private in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        keys = own_keys.OwnKeys('p256')
        keys.ssh = private
        code, why = fails(own_keys.login, cluster, person, keys)
        assert code == 'INVALID_ARGUMENT' and 'Ed25519 or ECDSA P-256' in why
