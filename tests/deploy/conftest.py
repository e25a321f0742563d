# SPDX-License-Identifier: Apache-2.0
"""Tests of what is deployed. What `make deb` made is in --debs=DIR, called as the release."""
import os
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tests', 'e2e'))
sys.path.insert(0, os.path.join(TOP, 'tools', 'cluster'))

import machine  # noqa: E402


def pytest_addoption(parser):
    parser.addoption('--debs', help='folder of the packages, called as their release')


@pytest.fixture(scope='session')
def debs(request):
    folder = request.config.getoption('--debs')
    return os.path.abspath(folder) if folder else pytest.skip('--debs=DIR says where the packages are')


@pytest.fixture(scope='session')
def release(request):
    """Debian's name: of the packages, else of this machine."""
    return os.path.basename(os.path.abspath(request.config.getoption('--debs') or machine.suite()))
