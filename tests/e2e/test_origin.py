# SPDX-License-Identifier: Apache-2.0
"""People who come through the proxy are known to authd by their own address, not the proxy's."""
import grpc
import pytest

from authd import Caller, Keys, Relay, fails

pytestmark = pytest.mark.sanitized


def test_a_login_through_the_proxy_is_written_down_with_where_it_came_from(fresh):
    fresh.start()
    roots = Caller(grpc.insecure_channel('unix:' + fresh.path('run/authd.sock'))).GetStatus().ca_pem.encode()
    with Relay(fresh.public_port) as relay:
        channel = grpc.secure_channel(f'127.0.0.1:{relay.port}', grpc.ssl_channel_credentials(roots),
                                      [('grpc.ssl_target_name_override', f'authd.{fresh.name}')])
        code, _ = fails(Caller(channel).Login, user='mallory', password='x' * 12, otp='1', keys=Keys().public())
        channel.close()
    assert code == 'UNAUTHENTICATED'
    lines = [x for x in fresh.daemons['authd'].text().splitlines() if 'user.login' in x and 'mallory' in x]
    assert len(lines) == 1 and f'from={relay.end} ' in lines[0], (relay.end, lines)
