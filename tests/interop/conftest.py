# SPDX-License-Identifier: Apache-2.0
"""The same cluster and people as in the end-to-end tests."""
import importlib.util
import os

_path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'e2e', 'conftest.py')
_spec = importlib.util.spec_from_file_location('e2e_conftest', _path)
_e2e = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_e2e)

cluster, login, alice = _e2e.cluster, _e2e.login, _e2e.alice
