# SPDX-License-Identifier: Apache-2.0
"""Tests of what `make deb` made: --debs=DIR says where it is, in a folder called as the release."""
import os
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tests', 'e2e'))
sys.path.insert(0, os.path.join(TOP, 'tools', 'cluster'))


def pytest_addoption(parser):
    parser.addoption('--debs', required=True, help='folder of the packages, called as their release')


@pytest.fixture(scope='session')
def debs(request):
    return os.path.abspath(request.config.getoption('--debs'))
