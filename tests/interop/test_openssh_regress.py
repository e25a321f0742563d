# SPDX-License-Identifier: Apache-2.0
"""Those of OpenSSH's regression scripts that apply to a server which is not sshd. Most of them sleep most of the time, so they run
side by side."""
import concurrent.futures
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import openssh_regress  # noqa: E402
from clients import World  # noqa: E402

SLOTS = 6  # at once


@pytest.fixture(scope='module')
def results(cluster, alice, login, build, tmp_path_factory):
    world = World(cluster, 'alice', login, build, tmp_path_factory.mktemp('regress'))
    with concurrent.futures.ThreadPoolExecutor(SLOTS) as pool:
        folders = {name: str(tmp_path_factory.mktemp(name)) for name in openssh_regress.APPLICABLE}
        yield {name: pool.submit(openssh_regress.run, world, folder, name) for name, folder in folders.items()}


@pytest.mark.parametrize('script', openssh_regress.APPLICABLE)
def test_script(results, script):
    out = results[script].result()
    assert out.returncode == 0, out.stdout[-3000:]


def test_every_script_of_the_package_has_its_line():
    """A script that a new version brings is looked at, not passed over."""
    there = {f[:-3] for f in os.listdir(openssh_regress.FOLDER) if f.endswith('.sh')}
    assert there - set(openssh_regress.SCRIPTS) == set()
    assert set(openssh_regress.SCRIPTS) - there <= openssh_regress.NEWER | openssh_regress.OLDER
