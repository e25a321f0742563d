// SPDX-License-Identifier: Apache-2.0
/*
 * run: one command on all servers that a search has found, as `tsh ssh LOGIN@k=v COMMAND` does: some at once, output by server,
 * and a summary that counts every one of them.
 */
import { h, fill } from './h.mjs';
import { session } from './session.mjs';
import { dialog, field, plainInput } from './dialog.mjs';
import { button, badge } from './parts.mjs';
import { connection } from './ssh.mjs';
import { loginsFor, usedLogin } from './local.mjs';
import { count } from './words.mjs';

const AT_ONCE = 8,
	OUTPUT_MAX = 256 * 1024;

/* --- one server ------------------------------------------------------------------------------------------- */

/* What a terminal would do with escape sequences is nothing for a page: they are shown as the marks they are. */
function shown(chunks) {
	const utf = new TextDecoder(),
		texts = chunks.map((chunk) => utf.decode(chunk, { stream: true }));
	return [...texts, utf.decode()]
		.join('')
		.replace(/\r\n/g, '\n')
		.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '\ufffd');
}

const STOPPED = { status: null, signal: null, reason: 'stopped' };

/* Whoever closes the dialog ends what is only beginning, too. */
async function runOn(job, login, command, stopped) {
	const ssh = await connection();
	if (stopped()) return STOPPED;
	const channel = await ssh.exec({ node: job.address, login, command });
	if (stopped()) {
		channel.close();
		return STOPPED;
	}
	job.channel = channel;
	channel.ondata = (bytes, taken) => {
		if (job.bytes < OUTPUT_MAX) job.chunks.push(bytes.slice(0, OUTPUT_MAX - job.bytes));
		job.bytes += bytes.length;
		taken();
	};
	const end = new Promise((done) => {
		channel.onexit = done;
	});
	channel.eof();
	return end;
}

async function finish(job, login, command, stopped) {
	job.become('running', '');
	try {
		const { status, signal, reason } = await runOn(job, login, command, stopped);
		const how = reason || (signal ? `signal ${signal}` : `status ${status}`);
		job.become(status === 0 && !reason ? 'ok' : 'bad', status === 0 && !reason ? 'ok' : how);
	} catch (error) {
		job.become('bad', error.message);
	}
}

function makeJob(node, address) {
	const state = h('span'),
		output = h('pre', { class: 'code', tabindex: '0', 'aria-label': `Output of ${node.name}`, hidden: true });
	const job = {
		address,
		node,
		chunks: [],
		bytes: 0,
		state: 'waiting',
		channel: null,
		view: h('section', { class: 'job' }, h('h3', null, node.name, ' ', state), output),
	};
	job.become = (kind, words) => {
		job.state = kind;
		fill(
			state,
			kind === 'waiting'
				? badge('waiting')
				: kind === 'running'
					? badge('running', 'warn')
					: badge(words, kind),
		);
		if (kind === 'ok' || kind === 'bad') {
			const more =
				job.bytes > OUTPUT_MAX
					? `\n\u2026 and ${(job.bytes - OUTPUT_MAX).toLocaleString()} bytes more`
					: '';
			fill(output, shown(job.chunks) + more);
			output.hidden = job.chunks.length === 0;
		}
	};
	job.become('waiting', '');
	return job;
}

/* --- all of them --------------------------------------------------------------------------------------------- */

async function runAll(jobs, login, command, told, stopped) {
	const left = [...jobs];
	async function worker() {
		for (let job = left.shift(); job && !stopped(); job = left.shift()) {
			told();
			await finish(job, login, command, stopped);
			told();
		}
	}
	await Promise.all(Array.from({ length: Math.min(AT_ONCE, jobs.length) }, worker));
}

/* nodes: [node, by what to call it]. */
export function runCommand(nodes) {
	let stopped = false,
		jobs = [];
	const box = dialog(`Run on ${count(nodes.length, 'server')}`, { wide: true, onClose: stop });
	const logins = loginsFor('', session().logins),
		login = h(
			'select',
			{ name: 'login' },
			logins.map((value) => h('option', { value }, value)),
		);
	const command = plainInput({ name: 'command', required: true, placeholder: 'uptime', class: 'mono' });
	const go = h('button', { class: 'btn primary', type: 'submit' }, 'Run'),
		summary = h('p', { role: 'status', class: 'dim' }),
		results = h('div', { class: 'jobs' });

	function stop() {
		stopped = true;
		for (const job of jobs) job.channel?.close();
	}
	function told() {
		const n = (...states) => jobs.filter((job) => states.includes(job.state)).length;
		fill(
			summary,
			`${n('ok')} of ${jobs.length} succeeded`,
			n('bad') > 0 && `, ${n('bad')} failed`,
			n('running', 'waiting') > 0 && `, ${n('running', 'waiting')} to go`,
		);
	}
	async function send(event) {
		event.preventDefault();
		go.disabled = true;
		usedLogin('', login.value);
		jobs = nodes.map(([node, address]) => makeJob(node, address));
		fill(
			results,
			jobs.map((job) => job.view),
		);
		await runAll(jobs, login.value, command.value, told, () => stopped);
		told();
		go.disabled = false;
	}
	fill(
		box.body,
		h(
			'form',
			{ class: 'form', on: { submit: send } },
			h('div', { class: 'two run' }, field('As', login), field('Command', command)),
			h('footer', null, summary, h('span', { class: 'grow' }), button('Close', box.close), go),
		),
		results,
	);
	command.focus();
}
