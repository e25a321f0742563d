// SPDX-License-Identifier: Apache-2.0
/*
 * dialog: what stands before the page until it is answered, what floats over it for a moment, and menus.
 */
import { h, icon, fill } from './h.mjs';

/* --- words that go by themselves ------------------------------------------------------------------------ */

const TOAST_MS = 6000,
	TOASTS_MAX = 4;
const toasts = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });

/*
 * Over the page, whoever has drawn that anew. Full screen shows nothing but its element, and behind a dialog nothing can be
 * pressed.
 */
export function placeToasts() {
	const dialogs = document.querySelectorAll('dialog[open]'),
		over = dialogs[dialogs.length - 1] ?? document.fullscreenElement ?? document.body;
	if (toasts.parentNode !== over) over.append(toasts);
}
document.addEventListener('fullscreenchange', placeToasts);

/* kind: "" or "bad". What is bad, or has an answer ({label, act}), stays until it is closed. Returns what closes it. */
export function toast(text, kind = '', answer = null) {
	const close = () => box.remove();
	const give = () => {
		close();
		answer.act();
	};
	const box = h(
		'div',
		{ class: `toast ${kind}` },
		h('span', null, text),
		answer && h('button', { class: 'btn small', type: 'button', on: { click: give } }, answer.label),
		h('button', { class: 'icon-btn', type: 'button', 'aria-label': 'Close', on: { click: close } }, icon('close')),
	);
	placeToasts();
	toasts.append(box);
	while (toasts.childElementCount > TOASTS_MAX) toasts.firstElementChild.remove();
	if (kind !== 'bad' && !answer) setTimeout(close, TOAST_MS);
	return close;
}

export const sayError = (error) => {
	if (error.name !== 'AbortError') toast(error.message, 'bad');
};

/* --- dialogs ---------------------------------------------------------------------------------------------- */

let ids = 0;

/* A dialog with a title; it is gone when it is closed. Returns {node, body, close}. onClose is called once. */
export function dialog(title, { wide = false, onClose = () => {} } = {}) {
	const id = `dialog-${++ids}`,
		body = h('div', { class: 'dialog-body' }),
		before = document.activeElement;
	const node = h(
		'dialog',
		{ 'aria-labelledby': id, class: wide ? 'wide' : '' },
		h(
			'header',
			null,
			h('h2', { id }, title),
			h(
				'button',
				{ class: 'icon-btn', type: 'button', 'aria-label': 'Close', on: { click: () => node.close() } },
				icon('close'),
			),
		),
		body,
	);
	node.addEventListener('close', () => {
		node.remove();
		placeToasts();
		if (before instanceof HTMLElement && before.isConnected) before.focus();
		onClose();
	});
	document.body.append(node);
	node.showModal();
	placeToasts();
	return { node, body, close: () => node.close() };
}

/*
 * What a dialog is to show, when it has come. Null: nobody waits for it any more; the page was left, or the first of two clicks
 * has opened its dialog.
 */
export async function forDialog(answer, signal) {
	const found = await answer;
	return signal.aborted || document.querySelector('dialog[open]') ? null : found;
}

/* With whoever they were for: dialogs end as by Escape, menus and words go. */
export function closeDialogs() {
	openMenu?.();
	for (const node of document.querySelectorAll('dialog[open]')) node.close();
	fill(toasts);
}

/* A form in a dialog: submit(values) may throw what to say, and what it returns closes the dialog unless it is false. */
export function formDialog(title, { fields, button, danger = false, submit, note = null }) {
	const box = dialog(title);
	const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
	const go = h('button', { class: `btn ${danger ? 'danger' : 'primary'}`, type: 'submit' }, button);
	const form = h(
		'form',
		{ class: 'form', on: { submit: send } },
		note && h('p', { class: 'dim' }, note),
		fields,
		problem,
		h('footer', null, h('button', { class: 'btn', type: 'button', on: { click: box.close } }, 'Cancel'), go),
	);
	async function send(event) {
		event.preventDefault();
		problem.hidden = true;
		busy(go, true);
		try {
			if ((await submit(Object.fromEntries(new FormData(form)), box, form)) !== false) box.close();
		} catch (error) {
			fill(problem, error.message);
			problem.hidden = false;
		}
		busy(go, false);
	}
	fill(box.body, form);
	(form.querySelector('input:not([type=checkbox]), textarea, select') ?? go).focus();
	return box;
}

/* Shows within the next frame that something is under way, and takes no second click meanwhile. */
export function busy(button, on) {
	button.disabled = on;
	button.classList.toggle('busy', on);
	button.setAttribute('aria-busy', String(on));
}

/* label above, words of help below. */
export function field(label, input, help = null) {
	const id = input.id || `field-${++ids}`;
	input.id = id;
	if (help) {
		input.setAttribute('aria-describedby', `${id}-help`);
		help = h('p', { class: 'help', id: `${id}-help` }, help);
	}
	return h('div', { class: 'field' }, h('label', { for: id }, label), input, help);
}

/* For names and the like: nothing completes or corrects them. */
export const plainInput = (props) =>
	h('input', { autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none', ...props });

/* For the six digits of an authenticator app. */
export const codeInput = (props) =>
	h('input', {
		inputmode: 'numeric',
		autocomplete: 'one-time-code',
		pattern: '[0-9 ]{6,8}',
		maxlength: '8',
		class: 'code-input',
		placeholder: '123456',
		...props,
	});

/* A question with one dangerous answer: true when it was given. */
export function confirm(title, text, button) {
	return new Promise((done) => {
		let answer = false;
		const box = dialog(title, { onClose: () => done(answer) });
		const yes = h(
			'button',
			{
				class: 'btn danger',
				type: 'button',
				on: {
					click: () => {
						answer = true;
						box.close();
					},
				},
			},
			button,
		);
		fill(
			box.body,
			h('p', null, text),
			h(
				'footer',
				null,
				h('button', { class: 'btn', type: 'button', on: { click: box.close } }, 'Cancel'),
				yes,
			),
		);
		yes.focus();
	});
}

/* Asks whether what bears that name is to be removed, has it done by act(), and says so. loss: what goes with it. */
export async function removal(name, loss, act, changed) {
	if (!(await confirm(`Remove ${name}?`, loss, 'Remove'))) return;
	await act();
	toast(`${name} is removed.`);
	changed();
}

/* A text to be copied, as one line or several. */
export function copyable(text, label) {
	const button = h(
		'button',
		{ class: 'btn small', type: 'button', on: { click: copy } },
		icon('copy'),
		h('span', { class: 'unseen' }, `${label}: `),
		h('span', null, 'Copy'),
	);
	async function copy() {
		try {
			await navigator.clipboard.writeText(text);
			fill(button.lastChild, 'Copied');
			setTimeout(() => fill(button.lastChild, 'Copy'), 2000);
		} catch {
			getSelection().selectAllChildren(code);
			toast('Copying is not allowed here: the text is selected, press Ctrl+C.');
		}
	}
	const code = h('pre', { class: 'code', tabindex: '0', 'aria-label': label }, text);
	return h('div', { class: 'copyable' }, code, button);
}

/* --- menus --------------------------------------------------------------------------------------------------- */

let openMenu = null;

/* Items {label, act, danger} or null for a line, below the button; keys as menus have them. */
export function menu(button, items) {
	openMenu?.();
	const list = h(
		'div',
		{ class: 'menu', role: 'menu' },
		items.map((item) =>
			item === null
				? h('hr')
				: h(
						'button',
						{
							type: 'button',
							role: 'menuitem',
							tabindex: '-1',
							class: item.danger ? 'danger' : '',
							on: {
								click: () => {
									close();
									item.act();
								},
							},
						},
						item.label,
					),
		),
	);
	function close() {
		openMenu = null;
		list.remove();
		button.setAttribute('aria-expanded', 'false');
		removeEventListener('pointerdown', outside, true);
		removeEventListener('scroll', close, true);
		removeEventListener('resize', close);
	}
	function outside(event) {
		if (!list.contains(event.target) && !button.contains(event.target)) close();
	}
	list.addEventListener('keydown', (event) =>
		menuKey(event, list, () => {
			close();
			button.focus();
		}),
	);
	button.setAttribute('aria-expanded', 'true');
	(
		document.fullscreenElement ??
		button.closest('dialog, main, header') ??
		document.querySelector('main') ??
		document.body
	).append(list);
	place(list, button.getBoundingClientRect());
	list.querySelector('[role=menuitem]')?.focus({ preventScroll: true });
	addEventListener('pointerdown', outside, true);
	addEventListener('resize', close);
	/* What was scrolled before is told in the next frame. */
	requestAnimationFrame(() => requestAnimationFrame(() => list.isConnected && addEventListener('scroll', close, true)));
	openMenu = close;
}

function menuKey(event, list, close) {
	const all = [...list.querySelectorAll('[role=menuitem]')],
		at = all.indexOf(document.activeElement);
	const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
	if (to !== undefined) all[to % all.length].focus();
	else if (event.key === 'Escape' || event.key === 'Tab') close();
	else return;
	event.preventDefault();
	event.stopPropagation();
}

function place(list, at) {
	const { width, height } = list.getBoundingClientRect(),
		right = at.right - width;
	const above = at.bottom + height + 8 > innerHeight && at.top > height;
	list.style.left = `${Math.max(8, Math.min(right < 8 ? at.left : right, innerWidth - width - 8))}px`;
	list.style.top = `${above ? at.top - height - 4 : at.bottom + 4}px`;
}

/* A button that opens a menu; items(): what is in it now. */
export function menuButton(props, content, items) {
	const button = h(
		'button',
		{
			type: 'button',
			'aria-haspopup': 'menu',
			'aria-expanded': 'false',
			...props,
			on: {
				click: () =>
					button.getAttribute('aria-expanded') === 'true' ? openMenu?.() : menu(button, items()),
			},
		},
		content,
	);
	return button;
}
