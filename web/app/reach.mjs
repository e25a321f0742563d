// SPDX-License-Identifier: Apache-2.0
/*
 * reach: who can reach what, by authd's own policy: of a user his servers, of a server its users, of a role that is being written
 * what would change. A page of authd's can be empty and go on: what is asked for is asked until there is something to show, or
 * for a while.
 */
import { h, fill } from './h.mjs';
import { get, post } from './api.mjs';
import { busy, dialog, field, forDialog, plainInput, sayError } from './dialog.mjs';
import { badge, button } from './parts.mjs';

const ROWS = 100 /* until somebody wants more */,
	ASKED_MAX = 20; /* requests for them */

const list = (logins) => (logins.length ? logins.join(', ') : '\u2014');
const same = (row) => row.logins.join() === row.drafted.join();

/* --- why ------------------------------------------------------------------------------------------------------- */

async function showWhy({ user, node, node_name }, signal) {
	const why = await forDialog(get('explain', { user, node }, { signal }), signal);
	if (!why) return;
	const box = dialog(`${user} on ${node_name}`, { wide: true });
	fill(
		box.body,
		h('p', { class: 'help' }, 'As the roles are now, of each login that they name.'),
		h(
			'ul',
			{ class: 'remarks' },
			why.logins.map(({ login, allowed, reason }) =>
				h(
					'li',
					null,
					login && h('span', { class: 'mono' }, login),
					badge(allowed ? 'may' : 'may not', allowed ? 'ok' : 'bad'),
					' ',
					h('span', null, reason),
				),
			),
		),
	);
}

/* --- what was found -------------------------------------------------------------------------------------------- */

function rowOf(row, drafted, signal) {
	return h(
		'tr',
		null,
		h('td', null, row.user),
		h('td', null, row.node_name),
		h(
			'td',
			null,
			h('span', { class: 'mono' }, list(row.logins)),
			row.closed && h('p', { class: 'help' }, row.closed),
		),
		drafted &&
			h(
				'td',
				null,
				h('span', { class: 'mono' }, list(row.drafted)),
				' ',
				!same(row) &&
					badge(row.drafted.length ? 'changes' : 'ends', row.drafted.length ? 'warn' : 'bad'),
			),
		h(
			'td',
			{ class: 'end' },
			h(
				'button',
				{
					class: 'link',
					type: 'button',
					'aria-label': `Why ${row.user} on ${row.node_name}`,
					on: { click: () => showWhy(row, signal).catch(sayError) },
				},
				'Why',
			),
		),
	);
}

/* A question, and its answers as they come. */
class Found {
	node = h('div', null);
	#question;
	#signal;
	#body = h('tbody');
	#said = h('p', { class: 'help', role: 'status' });
	#more = button('Go on', () => this.go().catch(sayError), 'more-rows');
	#next = '';
	#rows = 0;

	constructor(question, signal) {
		this.#question = question;
		this.#signal = signal;
		const drafted = !!question.draft;
		fill(
			this.node,
			h(
				'div',
				{ class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Who reaches what' },
				h(
					'table',
					{ class: 'found' },
					h(
						'thead',
						null,
						h(
							'tr',
							null,
							[
								'User',
								'Server',
								drafted ? 'Logs in now as' : 'Logs in as',
								drafted && 'With this text as',
								'Why',
							]
								.filter(Boolean)
								.map((title) =>
									h(
										'th',
										{
											scope: 'col',
											class: title === 'Why' ? 'end' : '',
										},
										title,
									),
								),
						),
					),
					this.#body,
				),
			),
			this.#said,
			this.#more,
		);
		this.node.hidden = true;
	}

	/* Throws what authd says of the question. */
	async go() {
		const until = this.#rows + ROWS;
		let asked = 0;
		busy(this.#more, true);
		try {
			do {
				const page = await post(
					'reach',
					{ ...this.#question, after: this.#next, limit: ROWS },
					{ signal: this.#signal },
				);
				this.#body.append(
					...page.reaches.map((row) => rowOf(row, !!this.#question.draft, this.#signal)),
				);
				this.#rows += page.reaches.length;
				this.#next = page.next;
			} while (this.#next && this.#rows < until && ++asked < ASKED_MAX);
		} finally {
			busy(this.#more, false);
		}
		this.#say();
	}

	#say() {
		const n = this.#rows,
			far = this.#next.split('/')[0];
		this.node.hidden = false;
		this.node.querySelector('.scroll').hidden = n === 0;
		this.#more.hidden = !this.#next;
		fill(
			this.#said,
			n === 0
				? this.#question.changes
					? 'Nothing changes for anybody'
					: 'Nobody logs in there'
				: `${n} ${n === 1 ? 'pair' : 'pairs'}`,
			this.#next ? `, up to ${far}; there may be more.` : '.',
		);
	}
}

/* --- the question ---------------------------------------------------------------------------------------------- */

const WHAT = { changes: 'What this text changes', user: 'The servers of a user', node: 'The users of a server' };

/*
 * draft(): the role that is being written, null while it is as it was; throws what is wrong with it. onRefused(error): authd
 * refused what was asked.
 */
export function reachPanel({ draft, onRefused, signal }) {
	const answer = h('div'),
		what = h(
			'select',
			{ name: 'what', on: { change: choose } },
			Object.entries(WHAT).map(([value, words]) => h('option', { value }, words)),
		),
		user = plainInput({ name: 'user', required: true }),
		node = plainInput({ name: 'node', required: true }),
		give = h('input', { type: 'checkbox', name: 'give' }),
		ofUser = h(
			'div',
			{ class: 'asked', hidden: true },
			field('User', user),
			h('label', { class: 'check' }, give, 'as if the user had this role'),
		),
		ofNode = h('div', { hidden: true }, field('Server', node, 'Its name or UUID.')),
		go = h('button', { class: 'btn', type: 'submit' }, 'Show');

	let turn = 0;

	function choose() {
		ofUser.hidden = what.value !== 'user';
		ofNode.hidden = what.value !== 'node';
		user.disabled = ofUser.hidden;
		node.disabled = ofNode.hidden;
	}

	function question() {
		const role = draft();
		if (what.value === 'node') return { node: node.value.trim(), draft: role ?? undefined };
		if (what.value === 'changes') return { draft: role ?? undefined, changes: true };
		if (!give.checked) return { user: user.value.trim(), draft: role ?? undefined };
		return { user: user.value.trim(), draft: role ?? draft(true), give: true };
	}

	/* A newer question makes the answer to an older one worthless. */
	async function show() {
		const asked = question(),
			mine = ++turn;
		if (asked.changes && !asked.draft)
			return fill(
				answer,
				h('p', { class: 'help', role: 'status' }, 'The text is as it was: nothing changes.'),
			);
		const found = new Found(asked, signal);
		await found.go();
		if (mine === turn) fill(answer, found.node);
	}

	async function submit(event) {
		event.preventDefault();
		busy(go, true);
		try {
			await show();
		} catch (error) {
			if (error.name !== 'AbortError') onRefused(error, answer);
		}
		busy(go, false);
	}

	choose();
	return {
		node: h(
			'section',
			{ class: 'card pad form', 'aria-label': 'Who can reach what' },
			h('h2', null, 'Who can reach what'),
			h('form', { class: 'asked', on: { submit } }, field('What to show', what), ofUser, ofNode, go),
			answer,
		),
		/* The text is another one: what was found is not about it. */
		forget() {
			turn++;
			fill(answer);
		},
		/*
		 * What the text changes, when somebody looks at his changes. Throws what makes it no role; that nobody can say what
		 * it changes keeps nobody from saving it.
		 */
		async changes() {
			fill(answer);
			what.value = 'changes';
			choose();
			try {
				await show();
			} catch (error) {
				if (error.status === 400 || error.name === 'AbortError') throw error;
				onRefused(error, answer);
			}
		},
	};
}
