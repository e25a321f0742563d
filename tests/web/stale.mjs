// SPDX-License-Identifier: Apache-2.0
// stale: what the other side sends in one packet with the end of a channel: the engine's C has freed the channel when the page
// gets to it. Here is no C, but one that says whether it is asked about a channel that is gone.
import assert from 'node:assert/strict';

import { Engine } from '../../web/engine/engine.mjs';

const CHAN = 4096;

function world() {
	const e = new Engine(), asked = [];
	const memory = { buffer: new ArrayBuffer(65536) };
	let at = 8192;
	e.x = new Proxy({ memory }, {
		get: (x, name) => x[name] ?? ((...args) => {
			if (name.startsWith('web_chan_') && name !== 'web_chan_open') asked.push([name, args[0]]);
			return { web_alloc: () => (at += 256), web_link_new: () => 1024, web_chan_open: () => CHAN, web_link_output: () => 0, web_chan_write: () => 0 }[name]?.() ?? 0;
		}),
	});
	const link = e.link({ user: 'u', host: 'h', certificate: new Uint8Array(1), hostCa: [], transport: { full: () => false, send() {}, close() {} } });
	const chan = link.session('shell');
	return { e, c: e.imports(), chan, asked };
}

// Each: what comes in one turn, the last of it the channel's end.
const cases = {
	'a window and the end': (w) => {
		w.chan.onwritable = () => w.chan.write(new Uint8Array(100));
		w.c.writable(CHAN);
		w.c.closed(CHAN);
	},
	'a refused request and the end': (w) => { w.c.started(CHAN, 0); w.c.closed(CHAN); },
	'a fault of whoever shows the data, and the end': (w) => {
		w.chan.ondata = () => { throw new Error('on purpose'); };
		w.c.data(CHAN, 0, 0, 1);
		w.c.closed(CHAN);
	},
	'the end, and a page that goes on': (w) => {
		w.c.closed(CHAN);
		w.chan.write(new Uint8Array(1));
		w.chan.resize(80, 24);
		w.chan.resume();
		w.chan.eof();
		w.chan.close();
	},
	'a channel that was never opened': (w) => {
		w.c.writable(CHAN);
		w.c.refused(CHAN, 0, 0);
	},
};
console.error = () => {};
for (const [name, happen] of Object.entries(cases)) {
	const w = world();
	let how = null;
	w.chan.onend = (h) => { how = h; };
	happen(w);
	w.e.pump();
	assert.deepEqual(w.asked, [], name);
	assert.ok(how && w.chan.isOver, `${name}: its end is told`);
}
console.log(JSON.stringify({ cases: Object.keys(cases).length }));
