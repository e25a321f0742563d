# SPDX-License-Identifier: Apache-2.0
"""What all tests in python share: which build they test, and which are left out by default."""
import os

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def pytest_addoption(parser):
    parser.addoption('--build', default='build', help='folder of the programs under test')
    parser.addoption('--heavy', action='store_true', help='also tests that take minutes')


def pytest_configure(config):
    config.addinivalue_line('markers', 'heavy: takes minutes; only with --heavy')
    config.addinivalue_line('markers', 'sanitized: also run with the sanitizers\' build')


def pytest_collection_modifyitems(config, items):
    if not config.getoption('--heavy'):
        for item in items:
            if 'heavy' in item.keywords:
                item.add_marker(pytest.mark.skip(reason='takes minutes; run with --heavy'))


@pytest.fixture(scope='session')
def build(request):
    return os.path.join(TOP, request.config.getoption('--build'))
