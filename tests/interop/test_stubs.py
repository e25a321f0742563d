# SPDX-License-Identifier: Apache-2.0
"""The generated stubs: what does not fit the .proto does not compile, and what tools/gen-stubs does not know it says."""
import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROW = """
#include "proto/auth.server.h"
static void on_put(struct rpc_call *call, const %s *m) { (void)call; (void)m; }
const struct rpc_row row = AUTH_METHOD(%s, RPC_USER, on_put);
"""


def compiles(build, text):
    gen = os.path.join(ROOT, build or 'build', 'gen')
    cc = subprocess.run(['gcc', '-std=c11', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE', '-Ilib', f'-I{gen}', '-fsyntax-only', '-x', 'c', '-'],
                        input=text, capture_output=True, text=True, cwd=ROOT, check=False)
    return cc.returncode == 0, cc.stderr


def test_a_handler_of_the_methods_type_is_a_row(pytestconfig):
    ok, said = compiles(pytestconfig.getoption('--build'), ROW % ('Auth__PutResourceRequest', 'PutResource'))
    assert ok, said


def test_a_handler_of_another_messages_type_does_not_compile(pytestconfig):
    ok, said = compiles(pytestconfig.getoption('--build'), ROW % ('Auth__AddUserRequest', 'PutResource'))
    assert not ok and '_Generic' in said


def test_a_method_that_the_proto_does_not_have_does_not_compile(pytestconfig):
    ok, said = compiles(pytestconfig.getoption('--build'), ROW % ('Auth__PutResourceRequest', 'PutRule'))
    assert not ok and 'auth_PutRule_handler' in said


def gen(tmp_path, body, kind='server'):
    path = tmp_path / 'odd.proto'
    path.write_text('syntax = "proto3";\npackage sallyport.odd;\noption (pb_c_file) = { c_package: "odd" };\n' + body)
    run = subprocess.run([os.path.join(ROOT, 'tools/gen-stubs'), kind, 'proto', str(path)], capture_output=True, text=True, check=False)
    return run.returncode, run.stdout, run.stderr


def test_a_method_may_stand_on_several_lines_and_use_messages_of_another_package(tmp_path):
    rc, out, err = gen(tmp_path, 'service Odd {\n  rpc GetHTTPName(\n    common.Label)\n    returns (stream Thing); rpc B(Thing) returns (Thing);\n}\n')
    assert rc == 0, err
    assert 'typedef void odd_GetHTTPName_handler(struct rpc_call *call, const Common__Label *request);' in out
    assert 'odd_get_httpname_push(struct rpc_call *call, const Odd__Thing *message)' in out
    assert 'odd_b_reply(' in out


@pytest.mark.parametrize('body, why', [
    ('service Odd {\n  rpc A(Thing) returns (Thing) { }\n}\n', ':5: options of a method'),
    ('service Odd {\n  rpc A(Thing) give (Thing);\n}\n', ':5: not "rpc NAME(TYPE) returns (TYPE);"'),
    ('service Odd {\n  rpc A(Thing) returns (Thing);\n', 'the service has no end'),
    ('message Thing {}\n', 'no service with methods'),
])
def test_what_the_generator_does_not_know_it_says(tmp_path, body, why):
    rc, _, err = gen(tmp_path, body)
    assert rc != 0 and why in err
