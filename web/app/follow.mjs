// SPDX-License-Identifier: Apache-2.0
/*
 * follow: the WebSocket over which a session comes while it runs (docs/WEBAPI.md), opened again when it broke. It knows no page.
 *
 * Security: the bytes come from a node that may be hostile: what is no recording is no more read, acknowledged or asked for.
 */
import { get, name } from './api.mjs';
import { FrameReader } from './frames.mjs';

const AGAIN_MS = [1000, 2000, 5000, 10000],
	/* Codes of the close: docs/WEBAPI.md. */
	ENDED = 1000,
	REFUSED = 1008;

/*
 * on.frames(frames) is waited for, and what it took is said to the proxy, which sends no more than a MiB ahead; on.begin() comes
 * before the first; on.recording(recording) as it stands; on.broken(words) and on.over(words).
 */
export function follow(id, on, signal) {
	const url = new URL(`/v1/webapi/recordings/${name(id)}/live`, location.href.replace(/^http/, 'ws'));
	let tries = 0;

	function connect() {
		const socket = new WebSocket(url),
			reader = new FrameReader();
		let queue = Promise.resolve(),
			failed = false,
			taken = 0;
		socket.binaryType = 'arraybuffer';
		const close = () => socket.close();
		signal.addEventListener('abort', close);
		/* One after the other; the first that fails is the last, and the end of this connection. */
		function then(step) {
			queue = queue
				.then(() => failed || step())
				.catch(() => {
					failed = true;
					close();
				});
		}
		async function take(bytes) {
			const frames = reader.push(bytes);
			if (frames.length > 0) await on.frames(frames);
			if (reader.broken) throw new Error('no recording');
			taken += bytes.length;
			if (socket.readyState === WebSocket.OPEN) socket.send(String(taken));
		}
		async function hear(data) {
			if (typeof data === 'string') on.recording(JSON.parse(data));
			else await take(new Uint8Array(data));
			tries = 0;
		}
		socket.onopen = () => then(() => on.begin());
		socket.onmessage = ({ data }) => then(() => hear(data));
		socket.onclose = ({ code, reason }) => {
			signal.removeEventListener('abort', close);
			if (signal.aborted) return;
			queue.then(() => {
				if (reader.broken) return on.over('What the server sends cannot be read as a recording.');
				if (code === ENDED) return on.over('The session has ended.');
				if (code === REFUSED) return on.over(reason || 'You may not see this session.');
				brokenOff(reason || 'The connection is broken.');
			});
		};
	}
	function brokenOff(words) {
		if (signal.aborted) return;
		on.broken(words);
		setTimeout(again, AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]);
	}
	/* Why it was refused a WebSocket does not say; whoever asks for the recording hears it, and whether he is logged in. */
	async function again() {
		if (signal.aborted) return;
		try {
			const found = await get('recordings', { session: id, limit: 1 }, { signal });
			if (found.recordings.length === 0)
				return on.over('There is no such session, or none that you may see.');
			connect();
		} catch (error) {
			if (error.name === 'AbortError') return;
			if (error.status === 401 || error.status === 403) return on.over(error.message);
			brokenOff(error.message);
		}
	}
	connect();
}
