// SPDX-License-Identifier: Apache-2.0
// worker: the SSH engine beside the page: loads engine.wasm and libsodium, and opens the WebSocket to the proxy; service.mjs does
// the rest. Pages do not speak to it themselves but import client.mjs.
//
// Messages of the page, each an object with `op`; `id` names a channel, by the page's choice:
//   start       { wasm }                               URL of engine.wasm; first of all
//   connect     { url, user, privateKey, certificate, hostCa[], proxyHost }      answered by connected or disconnected
//   open        { id, node, login, request, what, pty: { term, cols, rows } | null }
//                                                      request: shell, exec, subsystem; answered by opened or refused
//   write       { id, write, bytes }                   answered by wrote, when SSH has taken them
//   taken       { id, n }                              so many bytes of data are done with
//   resize      { id, cols, rows }
//   eof, close  { id }                                 close also gives a transfer up
//   upload      { id, node, login, file, name, path, mode }   a File or Blob; into the folder at path ('': where the login lands), or as that file
//   download    { id, node, login, path }              both answered by transferred or refused
//   disconnect  {}
// Messages to the page:
//   connected   {}                                     the proxy is believed, the login is on its way
//   disconnected { reason }                            the last one, until it connects again
//   opened      { id }      refused { id, reason }
//   data        { id, bytes, stderr }                  at most 256 KiB that are not taken
//   wrote       { id, write }
//   progress    { id, done, size }                     of a transfer, a few times a second
//   transferred { id, path, blob }                     the last one of it; blob: what was downloaded
//   exit        { id, status, signal, reason }         the last one of a channel
//   banner      { host, text }                         what a host says to those who log in
//
// Security: the private key is a CryptoKey that cannot be exported; session keys are here and nowhere else.
import factory from './libsodium-sumo.mjs';
import { Service } from './service.mjs';
import { sodiumPrims } from './sodium.mjs';

const BUFFERED_MAX = 1 << 20, DRAIN_POLL_MS = 20;

async function loadEngine(url) {
	const answer = fetch(url);
	const prims = sodiumPrims(factory);
	const got = await answer;
	if (!got.ok) throw new Error(`the SSH engine cannot be loaded: ${got.status}`);
	return { wasm: await WebAssembly.compile(await got.arrayBuffer()), prims: await prims };
}

function dial(url, { onopen, ondata, onclose, ondrain }) {
	const ws = new WebSocket(url);
	let opened = false, waiting = null;
	ws.binaryType = 'arraybuffer';
	ws.onopen = () => { opened = true; onopen(); };
	ws.onmessage = (m) => { if (m.data instanceof ArrayBuffer) ondata(new Uint8Array(m.data)); };
	// Why it could not be opened no browser tells a script.
	ws.onclose = (m) => onclose(m.reason || (opened ? 'the connection to the proxy was lost' : 'the proxy cannot be reached'));
	return {
		send: (bytes) => ws.send(bytes),
		// Nobody is told when a WebSocket has sent what it had.
		full: () => {
			if (ws.bufferedAmount <= BUFFERED_MAX) return false;
			waiting ??= setTimeout(() => { waiting = null; ondrain(); }, DRAIN_POLL_MS);
			return true;
		},
		close: () => ws.close(),
	};
}

// Workers may wait for a file.
const files = new FileReaderSync();
const read = (file, from, to) => new Uint8Array(files.readAsArrayBuffer(file.slice(from, to)));

const service = new Service({ post: (message, transfer = []) => self.postMessage(message, transfer), dial, read, loadEngine });
self.onmessage = (m) => service.handle(m.data);
