// SPDX-License-Identifier: Apache-2.0
// harness: what the tests of the page's engine in Node.js share: a page and its worker in one process, joined by a real
// MessageChannel, so that messages and keys are cloned as between a page and a worker; the transport is TCP instead of a WebSocket.
import fs from 'node:fs';
import net from 'node:net';
import { spawn } from 'node:child_process';
import { webcrypto } from 'node:crypto';
import { pathToFileURL } from 'node:url';

globalThis.crypto ??= webcrypto; // Node.js 18 has it, but not there

const { Ssh } = await import('../../web/engine/client.mjs');
const { Service } = await import('../../web/engine/service.mjs');
const { sodiumPrims } = await import('../../web/engine/sodium.mjs');

// build: the build folder.
export async function loadEngine(build) {
	const npm = pathToFileURL(`${build}/npm/node_modules/libsodium-sumo/dist/modules-sumo-esm/libsodium-sumo.mjs`);
	return { wasm: new WebAssembly.Module(fs.readFileSync(`${build}/web/engine.wasm`)), prims: await sodiumPrims((await import(npm)).default) };
}

// url: tcp://HOST:PORT. change(bytes, at) may spoil what arrives; at: how many bytes came before.
export function dialTcp(url, { onopen, ondata, onclose, ondrain }, change) {
	const { hostname, port } = new URL(url);
	const sock = net.connect(+port, hostname);
	let n = 0;
	sock.setNoDelay(true);
	sock.on('connect', onopen);
	sock.on('data', (b) => {
		const copy = new Uint8Array(b);
		change?.(copy, n);
		n += b.length;
		ondata(copy);
	});
	sock.on('drain', ondrain);
	sock.on('error', () => {});
	sock.on('close', () => onclose('the connection to the proxy was lost'));
	return { send: (b) => sock.write(b), full: () => sock.writableLength > 1 << 20, close: () => sock.destroySoon() };
}

// wss://HOST:PORT/PATH#TOKEN: the proxy's WebSocket with a web session's cookie, by the tests' own client.
export function dialWebSocket(url, { onopen, ondata, onclose }) {
	const { port, pathname, hash } = new URL(url);
	const client = new URL('../e2e/websocket_client.py', import.meta.url).pathname;
	const child = spawn('/usr/bin/python3', [client, port, pathname, hash.slice(1)], { stdio: ['pipe', 'pipe', 'inherit'] });
	child.stdin.on('error', () => {});
	child.stdout.on('data', (b) => ondata(new Uint8Array(b)));
	child.on('close', () => onclose('the connection to the proxy was lost'));
	queueMicrotask(onopen);
	return { send: (b) => child.stdin.write(b), full: () => child.stdin.writableLength > 1 << 20, close: () => child.stdin.end() };
}

// A page's Ssh, and how to be rid of it. Options: rekeyBytes; change, as above.
export function page(build, options = {}) {
	const { port1, port2 } = new MessageChannel();
	const counted = { exchanges: 0 }; // of keys, each of which computes a shared secret
	const service = new Service({
		post: (m, transfer = []) => port2.postMessage(m, transfer),
		dial: (url, on) => (url.startsWith('wss:') ? dialWebSocket(url, on) : dialTcp(url, on, options.change)),
		// A page's File cannot be read at once here; bytes stand for one.
		read: (file, from, to) => file.bytes.subarray(from, to),
		loadEngine: async () => {
			const got = await loadEngine(build), { x25519 } = got.prims.imports;
			got.prims.imports.x25519 = (ret, secret, peer) => { if (peer) counted.exchanges++; return x25519(ret, secret, peer); };
			return got;
		},
		options,
	});
	port2.onmessage = (m) => service.handle(m.data);
	const ssh = new Ssh({ wasm: '', port: port1 });
	return { ssh, service, counted, end: () => { ssh.onclose = null; service.onDisconnect(); port1.close(); port2.close(); } };
}

const unhex = (s) => new Uint8Array(Buffer.from(s, 'hex'));

// What a test was given about somebody who is logged in, as Ssh.connect wants it; more replaces parts of it.
export async function identity(who, more = {}) {
	const how = who.kind === 'p256' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'Ed25519' };
	const privateKey = await crypto.subtle.importKey('pkcs8', unhex(who.pkcs8), how, false, ['sign']);
	return { url: who.url, user: who.user, privateKey, certificate: unhex(who.certificate), hostCa: who.hostCa.map(unhex), proxyHost: who.proxyHost, ...more };
}

// Everything that a channel says until it ends: { out, err, status, signal, reason }.
export function gather(channel) {
	const out = [], err = [];
	channel.ondata = (b, taken, stderr) => { (stderr ? err : out).push(Buffer.from(b)); taken(); };
	return new Promise((resolve) => {
		channel.onexit = (how) => resolve({ out: Buffer.concat(out), err: Buffer.concat(err), ...how });
	});
}
