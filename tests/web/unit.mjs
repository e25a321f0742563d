// SPDX-License-Identifier: Apache-2.0
// unit: the engine's unit tests, compiled for WebAssembly (tools/web.mk), over the primitives that the page's worker has. Arguments: the
// build folder, the modules. Called by `make unit-web`; ends with "N passed, N failed".
import fs from 'node:fs';
import path from 'node:path';
import { webcrypto } from 'node:crypto';
import { pathToFileURL } from 'node:url';

globalThis.crypto ??= webcrypto;

const { sodiumPrims } = await import('../../web/engine/sodium.mjs');
const [build, ...modules] = process.argv.slice(2);
const { default: factory } = await import(pathToFileURL(`${build}/npm/node_modules/libsodium-sumo/dist/modules-sumo-esm/libsodium-sumo.mjs`));
const prims = await sodiumPrims(factory);

let said = null;
function instance(module) {
	let x;
	const text = (at, n) => new TextDecoder().decode(new Uint8Array(x.memory.buffer, at, n).slice());
	const quiet = new Proxy({}, { get: (_, name) => (name === 'random_get' ? (at, n) => { crypto.getRandomValues(new Uint8Array(x.memory.buffer, at, n)); return 0; }
		: name === 'proc_exit' ? () => { throw new Error('exit'); } : () => 8) });
	const nothing = new Proxy({}, { get: () => () => 0 });
	x = new WebAssembly.Instance(module, {
		prims: prims.imports, wasi_snapshot_preview1: quiet, page: nothing,
		unit: { failed: (at, n) => { said = text(at, n); }, skipped: () => { said = 'skipped'; } },
	}).exports;
	prims.attach(x.memory);
	x._initialize();
	return x;
}

const string = (x, at) => { const b = new Uint8Array(x.memory.buffer, at); return new TextDecoder().decode(b.slice(0, b.indexOf(0))); };
let passed = 0, failed = 0, skipped = 0;
for (const file of modules) {
	const module = new WebAssembly.Module(fs.readFileSync(file));
	const n = instance(module).unit_count();
	for (let i = 0; i < n; i++) {
		const x = instance(module);
		said = null;
		try {
			if (x.unit_one(i) !== 0) said = 'a fixture failed';
		} catch (error) {
			said ??= error.message;
		}
		if (said === 'skipped') skipped++;
		else if (said === null) passed++;
		else { failed++; console.log(`${path.basename(file, '.wasm')}: ${string(x, x.unit_name())}: ${said}`); }
	}
}
// What needs an algorithm that the page has not is skipped: a few, not all.
if (skipped > passed / 4) { failed++; console.log(`${skipped} tests were skipped`); }
console.log(`unit tests in WebAssembly: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed || !passed ? 1 : 0);
