// SPDX-License-Identifier: Apache-2.0
// app: what of the app in the browser needs no browser, in Node.js. Called by `make unit-web`.
import assert from 'node:assert';
import test from 'node:test';
import { pasted } from '../../web/app/paste.mjs';
import { FrameReader, readFrames, widest, Cast, OUT, RESIZE } from '../../web/app/frames.mjs';
import { follow } from '../../web/app/follow.mjs';
import { Player, writeAll, beginning } from '../../web/app/playback.mjs';
import { paced, atMost, patiently } from '../../web/app/pace.mjs';
import { EVENT_FILES } from '../../web/app/eventfile.mjs';
import { bucketsOf } from '../../web/app/eventchart.mjs';
import { nextWarning } from '../../web/app/deadline.mjs';

test('what is pasted is text: nothing in it closes the brackets around it', () => {
	assert.equal(pasted('echo \x1b[201~\nreboot\r\n\tdone'), 'echo [201~\nreboot\r\n\tdone');
	assert.equal(pasted('a\x9b201~b\x00c\x7fd\x08e\x03f\x0bg\x0ch'), 'a201~bcdefgh');
	assert.equal(pasted('w\u00efde \u6f22\u5b57 \u{1f512} \u00a0'), 'w\u00efde \u6f22\u5b57 \u{1f512} \u00a0');
});

// A stream of the same frame of output, until nobody asks any more.
function endless(size) {
	const frame = new Uint8Array(4 + size);
	frame.set([OUT, 1, (size & 127) | 128, size >> 7]);
	const stream = { reads: 0, cancelled: false, read: async () => ({ done: false, value: (stream.reads++, frame) }), cancel: async () => { stream.cancelled = true; } };
	return stream;
}

test('a recording that is too long for a page is read to a limit, and no more is asked for', async () => {
	for (const size of [1000, 1]) { // frames cost something, however small they are
		const stream = endless(size);
		let kept = 0;
		assert.equal(await readFrames(stream, (frames) => { kept += frames.length; }, 1 << 20), 'long');
		assert.ok(stream.cancelled && kept === stream.reads && kept * size <= (1 << 20) + size && kept < 10000);
	}
});

test('a recording is whole, or it is cut, by what the last frame says', async () => {
	const parts = (...list) => ({ read: async () => (list.length ? { done: false, value: Uint8Array.from(list.shift()) } : { done: true }), cancel: async () => {} });
	const read = (...list) => readFrames(parts(...list), () => {}, 1 << 20);
	assert.equal(await read([OUT, 1, 1, 65]), 'whole');
	assert.equal(await read([OUT, 1], [1, 65, OUT, 1, 3, 65]), 'cut');
	assert.equal(await read([OUT, 1, 255, 255, 255, 255, 1], [65]), 'cut');
});

test('numbers have up to ten bytes, as auditd takes them: no node hides behind longer ones what only tsh would play', () => {
	const long = (n, bytes) => [...Array(bytes - 1).fill(0).map((_, i) => (i ? 0 : n) | 128), 0];
	const reader = new FrameReader();
	const frames = reader.push(Uint8Array.from([OUT, ...long(7, 10), ...long(1, 10), 65, OUT, 1, 1, 66]));
	assert.deepEqual(frames.map(({ data }) => data[0]), [65, 66]);
	assert.ok(!reader.broken && !reader.cut);
	assert.equal(new FrameReader().push(Uint8Array.from([OUT, ...long(7, 11), 1, 65])).length, 0);
});

// A session that is followed, with a WebSocket to which the test says what comes; said: what the page is told.
function following(t) {
	const sockets = [], said = [], leave = new AbortController(), real = globalThis.WebSocket;
	globalThis.location = { href: 'https://sally.example/web/' };
	globalThis.WebSocket = class {
		static OPEN = 1;
		readyState = 1;
		sent = [];
		constructor() { sockets.push(this); }
		send(text) { this.sent.push(text); }
		close(code = 1005) {
			if (this.readyState === 1) setImmediate(() => this.onclose({ code, reason: '' }));
			this.readyState = 3;
		}
	};
	t.after(() => { leave.abort(); globalThis.WebSocket = real; delete globalThis.location; });
	const on = { begin: () => said.push('begin') };
	for (const name of ['recording', 'broken', 'over']) on[name] = (words) => said.push([name, words]);
	on.frames = async (frames) => { said.push(...frames.map(({ data }) => new TextDecoder().decode(data))); };
	follow('3f1c', on, leave.signal);
	sockets[0].onopen();
	const come = async (...parts) => {
		for (const part of parts) sockets[0].onmessage({ data: typeof part === 'string' ? part : Uint8Array.from(part).buffer });
		for (let i = 0; i < 20; i++) await new Promise((go) => setImmediate(go));
	};
	return { sockets, said, come };
}

test('a session that is no recording is shown until there, and then neither acknowledged nor asked for again', async (t) => {
	t.mock.timers.enable({ apis: ['setTimeout'] });
	const { sockets, said, come } = following(t);
	await come('{"user":"alice"}', [OUT, 1, 1, 65]);
	assert.deepEqual(said, ['begin', ['recording', { user: 'alice' }], 'A']);
	assert.deepEqual(sockets[0].sent, ['4']);
	await come([OUT, 1, 1, 66, OUT, 1, 255, 255, 255, 255, 1], [OUT, 1, 1, 67]);
	assert.deepEqual(said.slice(3), ['B', ['over', 'What the server sends cannot be read as a recording.']]);
	t.mock.timers.tick(60000);
	assert.deepEqual([sockets.length, sockets[0].sent, sockets[0].readyState], [1, ['4'], 3]);
});

test('a step that fails while a session is followed ends the connection, and it is tried again', async (t) => {
	t.mock.timers.enable({ apis: ['setTimeout'] });
	t.mock.method(globalThis, 'fetch', async () => new Response('{"recordings":[{}]}'));
	const { sockets, said, come } = following(t);
	await come('no JSON', [OUT, 1, 1, 65]);
	assert.deepEqual(said, ['begin', ['broken', 'The connection is broken.']]);
	assert.deepEqual(sockets[0].sent, []);
	t.mock.timers.tick(1000);
	await come();
	assert.equal(sockets.length, 2);
});

test('the last of a session is drawn before it is said to be over', async (t) => {
	const { sockets, said, come } = following(t);
	sockets[0].onmessage({ data: Uint8Array.from([OUT, 1, 1, 65]).buffer });
	sockets[0].close(1000);
	await come();
	assert.deepEqual(said, ['begin', 'A', ['over', 'The session has ended.']]);
});

// A terminal that draws only when it is told to; screen: what is seen, with what came in between.
class Slow {
	queue = [];
	screen = '';
	write(data, done) { this.queue.push([typeof data === 'string' ? data : new TextDecoder().decode(data), done]); }
	reset() { this.screen = ''; }
	resize(cols, rows) { this.screen += `<${cols}x${rows}>`; }
	async draw() {
		do {
			for (const [text, done] of this.queue.splice(0)) { this.screen += text; done?.(); }
			await new Promise((go) => setImmediate(go));
		} while (this.queue.length > 0);
	}
}

function playing() {
	const term = new Slow(), player = new Player(term, () => {});
	const text = (at, words) => ({ at, type: OUT, data: new TextEncoder().encode(words) });
	player.frames = [text(0, 'a'), text(1, 'b'), { at: 2, type: RESIZE, data: Uint8Array.from([0, 90, 0, 30]) }, text(3, 'c'), text(4, 'd')];
	player.whole = true;
	return { term, player };
}

test('a jump back shows that moment and nothing of what was still to be drawn', async () => {
	const { term, player } = playing();
	const all = [player.seek(4), player.seek(1)];
	await term.draw();
	all.push(player.seek(4), player.seek(0), player.seek(1));
	assert.equal(player.at, 1);
	await term.draw();
	await Promise.race([Promise.all(all), term.draw()]);
	assert.equal(term.screen, 'ab');
	assert.equal(player.next, 2);
});

test('a change of size comes after what was shown before it', async () => {
	const { term, player } = playing();
	const end = player.seek(9);
	await term.draw();
	await end;
	assert.equal(term.screen, 'ab<90x30>cd');
});

test('a recording as text has every size after what was shown before it, and what follows in it', async () => {
	const { term, player } = playing();
	let over = false;
	const all = writeAll(term, player.frames).then(() => { over = true; });
	while (!over) await term.draw();
	await all;
	assert.equal(term.screen, 'ab<90x30>cd');
});

test('the widest that a terminal was is known before its recording is written', () => {
	const size = (...sides) => ({ type: RESIZE, data: Uint8Array.from(sides.flatMap((side) => [side >> 8, side & 255])) });
	assert.equal(widest([]), 80);
	assert.equal(widest([size(40, 30), { type: OUT, data: new Uint8Array(4) }]), 80);
	assert.equal(widest([size(40, 30), size(65535, 2), size(90, 30), { type: RESIZE, data: new Uint8Array(1) }]), 2000);
});

test('a recording is written as asciicast piece by piece as at once', () => {
	const about = { title: 'me@there', started_ms: 1764360012345 }, bytes = (text) => new TextEncoder().encode(text);
	const wide = bytes('\u6f22\n');
	const frames = [{ at: 0, type: 9, data: bytes('x') }, { at: 0, type: RESIZE, data: Uint8Array.from([0, 90, 0, 30]) }, { at: 1, type: OUT, data: wide.slice(0, 2) },
		{ at: 2, type: OUT, data: wide.slice(2) }, { at: 3, type: RESIZE, data: Uint8Array.from([0, 80, 0, 24]) }, { at: 3, type: RESIZE, data: new Uint8Array(1) }];
	const text = (parts) => { const cast = new Cast(about); return parts.map((part) => cast.take(part)).join('') + cast.end(); };
	const lines = ['{"version":2,"width":90,"height":30,"timestamp":1764360012,"title":"me@there"}', '[1,"o",""]', '[2,"o","\u6f22\\n"]', '[3,"r","80x24"]', ''];
	assert.equal(text([frames]), lines.join('\n'));
	assert.equal(text(frames.map((frame) => [frame])), lines.join('\n'));
	assert.equal(text([[{ at: 1, type: OUT, data: bytes('a\nb\r\n') }]]).split('\n')[1], '[1,"o","a\\r\\nb\\r\\n"]'); // without a terminal
	assert.equal(text([[]]).split('\n').length, 2);
});

test('no more of a recording is read than whoever takes it has taken', async () => {
	const stream = endless(1000);
	let go, taken = 0;
	const reading = readFrames(stream, () => { taken++; return new Promise((done) => { go = done; }); }, 2500);
	await settled();
	assert.deepEqual([stream.reads, taken], [1, 1]);
	for (let i = 0; i < 2; i++) { go(); await settled(); }
	assert.deepEqual([stream.reads, taken], [3, 3]);
	go();
	assert.equal(await reading, 'long');
});

// Every time in order, at once.
const settled = async () => { for (let i = 0; i < 20; i++) await Promise.resolve(); };

test('what changes all the time is fetched once at a time, once more afterwards, and rests in between', async (t) => {
	const rests = [], ends = [], real = globalThis.setTimeout;
	globalThis.setTimeout = (done) => { rests.push(done); };
	t.after(() => { globalThis.setTimeout = real; });
	const stop = new AbortController(), told = paced(() => new Promise((done) => ends.push(done)), 2000, stop.signal);
	for (let i = 0; i < 9; i++) told();
	assert.equal(ends.length, 1);
	rests[0]();
	await settled();
	assert.equal(ends.length, 1); // rested, and not over
	ends[0]();
	await settled();
	assert.equal(ends.length, 2);
	ends[1]();
	told();
	await settled();
	assert.equal(ends.length, 2); // over, and not rested
	stop.abort();
	rests[1]();
	await settled();
	assert.equal(ends.length, 2); // nobody is there any more
});

test('of many that begin at once so many are under way as may be, and every one has its turn', async () => {
	const inTurn = atMost(4), ends = [], done = [];
	for (let i = 0; i < 10; i++)
		inTurn(() => new Promise((good, bad) => ends.push(i % 2 ? good : bad))).then(() => done.push(i), () => done.push(i));
	for (let over = 0; over < 10; over++) {
		await settled();
		assert.equal(ends.length, Math.min(10, 4 + over));
		ends[over]();
	}
	await settled();
	assert.equal(done.length, 10);
});

test('a recording begins where its address says: at a second, or at a moment as events have it', () => {
	const at = (text) => beginning(new URLSearchParams(text), 1764360012000000);
	assert.equal(at(''), 0);
	assert.equal(at('t=90.5'), 90.5);
	assert.equal(at('at=1764360015500000'), 3.5);
	assert.equal(at('at=1764360000000000'), 0);
	assert.equal(at('t=-4'), 0);
	assert.equal(at('t=%3Cb%3E&at=x'), 0);
});

test('what a spreadsheet would run is text, and what separates cells is quoted', () => {
	const event = { id: '1', type: 'exec', code: 'T3002I', time_us: 1764360012000000, ok: true, user: '', login: '', node: '', node_name: '', session: '',
		remote_addr: '', message: '', connection: '', fields: [], labels: [], raw: [] };
	const cells = (login, fields = []) => EVENT_FILES.csv.line({ event: { ...event, login, fields }, received_us: 0, backed: '', producer_kind: '', producer: '' });
	const start = '2025-11-28T20:00:12.000Z,1970-01-01T00:00:00.000Z,exec,T3002I,true,,,', end = ',,,,,,,,,1,\r\n';
	assert.equal(cells('root'), start + 'root' + end);
	for (const evil of ['=1+1', '+1', '-1', '@SUM(A1)', '  =1', ' +1', '\uff1d1', '\uff201']) assert.equal(cells(evil), `${start}"'${evil}"${end}`);
	assert.equal(cells('say "x", y'), `${start}"say ""x"", y"${end}`);
	assert.equal(cells('a=1'), `${start}a=1${end}`);
	for (const [login, shown] of [['x;=1+1', "x;'=1+1"], ['a, -1;@b', "a,' -1;'@b"], ['"=1', `'""=1`], ['x; "=1"', `x;' ""=1""`], [';\uff1d', ";'\uff1d"]])
		assert.equal(cells(login), `${start}"${shown}"${end}`);
	assert.equal(cells('\x1b]0;x\x07'), `${start}"\\x1b]0;x\\x07"${end}`);
	assert.equal(cells('a\\b\r\n=1\t\x7f'), `${start}a\\\\b\\r\\n=1\\t\\x7f${end}`);
	assert.equal(cells('\x9b\u202e'), `${start}\\xc2\\x9b\\xe2\\x80\\xae${end}`);
	assert.equal(cells('a\\b \u00e4'), `${start}a\\b \u00e4${end}`);
	const odd = { login: '\x1b\x7f\x9b\u202e\u2069\u00e4 "' }, json = EVENT_FILES.jsonl.line(odd);
	assert.equal(json, '{"login":"\\u001b\\u007f\\u009b\\u202e\\u2069\u00e4 \\""}\n');
	assert.deepEqual(JSON.parse(json), odd);
	assert.ok(cells('', [{ key: 'k', value: '=' }, { key: 'k', value: 'v' }]).endsWith(',"k==; k=v"\r\n'));
	assert.equal(EVENT_FILES.csv.head.split(',').length, cells('').split(',').length);
});

test('a time is shown in bars of a length that people know, which begin where hours and days do', () => {
	const hour = 3600e6, at = 1764360012000000 /* 20:00:12 UTC */;
	assert.deepEqual(bucketsOf(at - 24 * hour, at, 170, 0), { width: hour / 4, first: at - 12e6 - 24 * hour, n: 97 });
	assert.equal(bucketsOf(at - 168 * hour, at, 170, 0).width, hour);
	const days = bucketsOf(at - 100 * 24 * hour, at, 170, 2 * hour); // two hours ahead of UTC: midnight is at 22:00
	assert.deepEqual([days.width, new Date(days.first / 1000).getUTCHours()], [24 * hour, 22]);
	for (const span of [1, 60e6, hour, 1e12, 1e14, 1e15]) {
		for (const most of [24, 170]) {
			const { width, first, n } = bucketsOf(at - span, at, most, 0);
			assert.ok(n <= most + 1 && first <= at - span && first + n * width >= at);
		}
	}
});

test('what can pass by itself is tried again, anything else is said, and whoever leaves is not waited for', async () => {
	const run = (fails, signal = new AbortController().signal) => {
		let n = 0;
		const act = async () => { if (n++ < fails.length) throw fails[n - 1]; return n; };
		return patiently(act, (error) => error === 'later', signal, { times: 3, rest_ms: 0 }).catch((error) => `${error}`);
	};
	assert.equal(await run([]), 1);
	assert.equal(await run(['later', 'later']), 3);
	assert.equal(await run(['later', 'later', 'later']), 'later');
	assert.equal(await run(['never']), 'never');
	const gone = new AbortController();
	gone.abort();
	assert.equal(await run(['later'], gone.signal), 'later');
});

test('the end of a session is said five minutes before, and one, and once to who comes late', () => {
	const minute = 60000;
	assert.deepEqual(nextWarning(60 * minute, 0), { wait: 55 * minute, said: 1 });
	assert.deepEqual(nextWarning(5 * minute, 0), { wait: 0, said: 1 });
	assert.deepEqual(nextWarning(5 * minute - 1, 1), { wait: 4 * minute - 1, said: 2 });
	assert.deepEqual(nextWarning(minute, 1), { wait: 0, said: 2 });
	assert.deepEqual(nextWarning(20000, 0), { wait: 0, said: 2 });
	assert.equal(nextWarning(minute, 2), null);
	for (const left of [0, -1, -60 * minute])
		for (const said of [0, 1, 2]) assert.equal(nextWarning(left, said), null);
});
