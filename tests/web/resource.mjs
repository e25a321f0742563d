// SPDX-License-Identifier: Apache-2.0
// resource: resources as text, as the app reads, compares and writes them, in Node.js. Called by `make unit-web`.
import assert from 'node:assert';
import test from 'node:test';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { readYaml, writeYaml } from '../../web/app/yaml.mjs';
import { fromText, toText, lineOf } from '../../web/app/form.mjs';
import { diff } from '../../web/app/diff.mjs';

const yaml = await import(pathToFileURL(`${path.resolve(process.env.BUILD)}/npm/node_modules/js-yaml/dist/js-yaml.mjs`));

const ROLE = `kind: role
version: v1
metadata:
  name: dba
spec:
  options:
    max_session_ttl: "8h0m0s"
    forward_agent: false
    port_forwarding: false
    pin_source_ip: false
    permit_pty: true
    omit_input: false
    record_limit: 0
    client_idle_timeout: "15m0s"
  allow:
    logins:
    - root
    - "{{internal.logins}}"
    node_labels:
      "2":
      - two
      env:
      - dev
      - "p*"
    rules:
    - resources:
      - session
      verbs:
      - list
  deny:
    logins: []
    node_labels: {}
    rules: []
`;

test('a role is written as it was read, in the order in which it stands', () => {
	const { value } = fromText(yaml, 'role', ROLE);
	assert.deepEqual(value, {
		name: 'dba',
		options: { max_session_ttl_s: 28800, forward_agent: false, port_forwarding: false, pin_source_ip: false, permit_pty: true, omit_input: false, record_limit: 0, client_idle_timeout_s: 900 },
		allow: { logins: ['root', '{{internal.logins}}'], node_labels: [{ key: '2', values: ['two'] }, { key: 'env', values: ['dev', 'p*'] }], rules: [{ resources: ['session'], verbs: ['list'] }] },
		deny: { logins: [], node_labels: [], rules: [] },
	});
	assert.equal(toText('role', value), ROLE);
	// What is not there is what tctl shows of it.
	assert.equal(toText('role', { name: 'dba', allow: value.allow, deny: null, options: value.options }), ROLE);
	assert.throws(() => toText('role', { name: 'x', allow: { node_labels: [{ key: 'a', values: ['b'] }, { key: 'a', values: ['c'] }] } }), /twice/);
});

test('what is left out of a role is as tctl has it; a lock has no name of its own', () => {
	assert.deepEqual(fromText(yaml, 'role', '{kind: role, metadata: {name: a}, spec: {options: {permit_pty: false}, allow: {logins: root}}}').value,
		{ name: 'a', options: { max_session_ttl_s: 108000, permit_pty: false }, allow: { logins: ['root'] } });
	const lock = fromText(yaml, 'lock', 'kind: lock\nspec:\n  user: x\n  message: "5"\n  expires: 2030-01-02T03:04:05+01:00\n').value;
	assert.deepEqual(lock, { name: '', user: 'x', message: '5', expires: Date.UTC(2030, 0, 2, 2, 4, 5) });
	assert.equal(toText('lock', { ...lock, name: 'a-b' }), 'kind: lock\nversion: v1\nmetadata:\n  name: a-b\nspec:\n  user: x\n  message: "5"\n  expires: "2030-01-02T02:04:05.000Z"\n');
});

test('durations are written as they are read', () => {
	for (const [s, words] of [[0, '0'], [30, '30s'], [90, '1m30s'], [3600, '1h0m0s'], [108000, '30h0m0s']]) {
		const role = (ttl) => ({ name: 'a', allow: null, deny: null, options: { max_session_ttl_s: ttl } });
		assert.ok(toText('role', role(s)).includes(`max_session_ttl: ${JSON.stringify(words)}\n`), words);
		assert.equal(fromText(yaml, 'role', toText('role', role(s))).value.options.max_session_ttl_s, s);
	}
});

test('what is wrong in a text has its line', () => {
	const bad = (text, line, words) => assert.throws(() => fromText(yaml, 'role', text), (e) => {
		assert.match(e.message, words);
		assert.equal(e.line, line, e.message);
		return true;
	});
	const spec = (text) => `kind: role\nmetadata:\n  name: x\nspec:\n${text}`;
	bad('kind: role\nmetadata: {name: x\nspec: {}\n', 3, /./);
	bad('kind: role\n  bad: x\n', 2, /indentation/);
	bad(spec('  allow:\n    logns: [root]\n'), 6, /allow: unknown key logns/);
	bad(spec('  allow:\n    logins:\n    - root\n    - 5\n'), 8, /logins must be text/);
	bad(spec('  allow:\n    rules: x\n'), 6, /rules must be a list/);
	bad(spec('  options:\n    max_session_ttl: soon\n'), 6, /duration like 8h/);
	bad(spec('  options:\n    record_limit: -1\n'), 6, /number/);
	bad(spec('  options:\n    permit_pty: yes\n'), 6, /true or false/);
	bad(spec('  allow:\n  allow:\n'), 6, /twice/);
	bad(spec('  allow: &a\n    logins: []\n  deny: *a\n'), 7, /aliases/);
	bad('kind: rolle\n', 1, /kind must be role/);
	bad('kind: role\nmetadata: {}\nspec: {}\n', 2, /name is missing/);
	bad('kind: role\nmetadata: {name: x}\nspec:\n', 3, /spec must be a mapping/);
	bad('kind: role\n---\nkind: role\n', 3, /one resource/);
	bad('# nothing\n', 1, /no resource/);
	bad('', 1, /no resource/);
	bad('[1, 2]\n', 1, /mapping/);
	bad(`a: ${'['.repeat(200)}`, 1, /./);
	// Names that JavaScript has a meaning for are names like others.
	bad(spec('  __proto__: {}\n  constructor: {}\n'), 5, /unknown key __proto__/);
	assert.deepEqual(fromText(yaml, 'role', spec('  allow: {node_labels: {__proto__: a}}\n')).value.allow.node_labels, [{ key: '__proto__', values: ['a'] }]);
});

test('what authd refuses has its line', () => {
	const { root } = fromText(yaml, 'role', ROLE);
	for (const [refusal, line] of [
		['name: not possible', 4], ['options.max_session_ttl_s: at most 30h', 7], ['allow.logins[1]: x', 18], ['Allow.logins[0]: x', 17],
		['allow.node_labels[1]: x', 22], ['allow.node_labels[1].values[1]: x', 24], ['allow.rules[0].verbs[0]: x', 29], ['allow.rules[0].resources: x', 26],
		['deny.logins[0]: x', 31], ['role dba exists already', 0], ['message: x', 0], ['x', 0], ['', 0], ['constructor: x', 0],
	]) assert.equal(lineOf(root, refusal), line, refusal);
	const short = fromText(yaml, 'role', 'kind: role\nmetadata: {name: x}\nspec:\n  allow:\n    logins: ^x$\n    node_labels:\n      env: ^y$\n');
	assert.equal(lineOf(short.root, 'allow.logins[0]: x'), 5);
	assert.equal(lineOf(short.root, 'allow.node_labels[0].values[0]: x'), 7);
});

test('text is quoted where a reader would take it for something else', () => {
	for (const [text, words] of [['root', 'root'], ['a: b', '"a: b"'], ['a:b', 'a:b'], ['true', '"true"'], ['No', '"No"'], ['5', '"5"'], ['', '""'], ['a b', 'a b'], ['a  b', '"a  b"'],
		['a ', '"a "'], ['/x', '/x'], ['*', '"*"'], ['<b>', '"<b>"'], ['a#b', '"a#b"'], ['\u6f22', '"\u6f22"'], ['a\nb', '"a\\nb"'], ['a:', '"a:"']]) {
		assert.equal(writeYaml([text]), `- ${words}\n`);
		assert.equal(readYaml(yaml, writeYaml([text])).list[0].value, text);
	}
});

test('a diff has what changed, and three lines around', () => {
	const text = (rows) => rows.map(({ sign, text }) => (sign === '@' ? text : sign + text));
	const many = Array.from({ length: 20 }, (_, i) => `l${i + 1}`).join('\n') + '\n';
	assert.deepEqual(diff(many, many), []);
	assert.deepEqual(text(diff(many, many.replace('l10\n', 'new\n'))), ['@@ -7,7 +7,7 @@', ' l7', ' l8', ' l9', '-l10', '+new', ' l11', ' l12', ' l13']);
	assert.deepEqual(text(diff(many, many.replace('l1\n', '').replace('l20\n', 'l20\nl21\n'))), ['@@ -1,4 +1,3 @@', '-l1', ' l2', ' l3', ' l4', '@@ -18,3 +17,4 @@', ' l18', ' l19', ' l20', '+l21']);
	assert.deepEqual(text(diff('', 'a\nb\n')), ['@@ -0,0 +1,2 @@', '+a', '+b']);
	assert.deepEqual(text(diff('a\nb\nc\n', 'c\na\nb\n')), ['@@ -1,3 +1,3 @@', '+c', ' a', ' b', '-c']);
	const long = (word) => Array.from({ length: 5000 }, (_, i) => word + i).join('\n');
	assert.equal(diff(long('a'), long('b')).length, 10001);
});
