// SPDX-License-Identifier: Apache-2.0
/*
 * eventchart: how many events there are in each hour, or what fits the time that is looked at, as bars: choosing one is looking
 * at its time alone.
 *
 * By keyboard the bars are one stop: the arrows go from one to the next, Enter chooses.
 */
import { h, fill } from './h.mjs';
import { get } from './api.mjs';
import { button } from './parts.mjs';
import { patiently } from './pace.mjs';
import { moment, count } from './words.mjs';

const MINUTE = 60e6,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	USUAL = 7 * DAY /* where the filter has no beginning */,
	WIDTHS = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 28 * DAY],
	BAR_PX = 5,
	BARS_MIN = 24,
	BARS_MAX = 170;

/* Buckets of a width for people, at most so many, from which on and how many; zone_us: how far local time is ahead of UTC, so that
 * days begin at midnight. */
export function bucketsOf(from_us, to_us, most, zone_us) {
	const fits = (width) => (to_us - from_us) / width < most;
	const width = WIDTHS.find(fits) ?? Math.ceil((to_us - from_us) / most / DAY) * DAY;
	const first = Math.floor((from_us + zone_us) / width) * width - zone_us;
	return { width, first, n: Math.max(1, Math.ceil((to_us - first) / width)) };
}

const named = new Map([
	[MINUTE, 'minute'],
	[HOUR, 'hour'],
	[DAY, 'day'],
	[7 * DAY, 'week'],
]);
function every(width) {
	const one = named.get(width);
	if (one) return `every ${one}`;
	return width < HOUR
		? `every ${width / MINUTE} minutes`
		: width < DAY
			? `every ${width / HOUR} hours`
			: `every ${width / DAY} days`;
}

const minute = (us) => moment(us / 1000).slice(0, 16);
const events = (n, failed) => count(n, 'event') + (failed ? `, ${failed.toLocaleString()} failed` : '');

export class EventChart {
	#bars = h('div', { class: 'bars', on: { keydown: (event) => this.#onKey(event) } });
	#words = h('p', { role: 'status' });
	#ends = h('div', { class: 'ends dim' });
	#wider = button('Wider again', () => this.#widen(), 'small');
	#choose;
	#back;
	#signal;
	#asking = null;

	/* choose(from_us, to_us): a bar was chosen; back(): what was before is wanted again, false: there is nothing before. */
	constructor({ signal, choose, back }) {
		this.#signal = signal;
		this.#choose = choose;
		this.#back = back;
		this.#wider.hidden = true;
		this.node = h(
			'section',
			{ class: 'card chart', 'aria-label': 'Events over time' },
			h('div', { class: 'chart-head' }, this.#words, h('span', { class: 'grow' }), this.#wider),
			this.#bars,
			this.#ends,
		);
	}

	/* query: of the list below. wider: whether there is something to go back to. */
	async ask(query, wider) {
		this.#asking?.abort();
		const mine = (this.#asking = new AbortController()),
			stop = () => mine.abort();
		this.#signal.addEventListener('abort', stop);
		this.#wider.hidden = !wider;
		this.node.setAttribute('aria-busy', 'true');
		try {
			await this.#fetch(query, mine.signal);
		} catch (error) {
			if (!mine.signal.aborted) this.#say(error.message);
		} finally {
			this.#signal.removeEventListener('abort', stop);
			if (this.#asking === mine) this.node.removeAttribute('aria-busy');
		}
	}

	async #fetch(query, signal) {
		const now = Date.now() * 1000,
			to = Math.min(query.to_us || now, now),
			from = query.from_us || to - USUAL;
		if (from >= to) return this.#say('This time has no length.');
		const most = Math.max(BARS_MIN, Math.min(BARS_MAX, Math.floor((this.#bars.clientWidth || 800) / BAR_PX)));
		const zone = -new Date(to / 1000).getTimezoneOffset() * MINUTE,
			time = bucketsOf(from, to, most, zone);
		const question = { ...query, from_us: time.first, bucket_us: time.width },
			ask = () => get('events/count', question, { signal });
		/* the one before may still be counted: one person has one at a time */
		const counts = await patiently(ask, (error) => error.status === 429, signal);
		if (!signal.aborted) this.#draw(counts, time);
	}

	#say(words) {
		fill(this.#words, words);
		fill(this.#bars);
		fill(this.#ends);
	}

	#draw({ buckets, counted_from_us }, { first, width, n }) {
		const most = Math.max(1, ...buckets.map((b) => b.events)),
			total = buckets.reduce((sum, b) => sum + b.events, 0),
			failed = buckets.reduce((sum, b) => sum + b.failed, 0),
			by = new Map(buckets.map((b) => [Math.round((b.from_us - first) / width), b])),
			had = this.#bars.contains(document.activeElement);
		const since = counted_from_us > first ? counted_from_us : first;
		fill(
			this.#words,
			h('strong', null, events(total, failed)),
			` since ${minute(since)}, ${every(width)}`,
			total > 0 && `; ${most.toLocaleString()} at most`,
			since !== first && '. What was before is too much to be counted.',
		);
		const bars = Array.from({ length: n }, (_, i) => this.#bar(by.get(i), first + i * width, width, most));
		fill(this.#bars, bars);
		fill(this.#ends, h('span', null, minute(first)), h('span', null, minute(first + n * width)));
		const stop = bars.findLast((bar) => bar.tabIndex === -1 && bar.matches('button'));
		if (stop) stop.tabIndex = 0;
		if (had) (stop ?? this.#wider).focus();
	}

	#bar(bucket, from, width, most) {
		if (!bucket) return h('span', { class: 'bar' });
		const words = `${minute(from)} to ${minute(from + width)}: ${events(bucket.events, bucket.failed)}`;
		const all = h('span', { class: 'all' }),
			bad = h('span', { class: 'bad' });
		all.style.height = `${(100 * (bucket.events - bucket.failed)) / most}%`;
		bad.style.height = `${(100 * bucket.failed) / most}%`;
		return h(
			'button',
			{
				type: 'button',
				class: 'bar',
				tabindex: '-1',
				title: words,
				'aria-label': words,
				on: { click: () => this.#choose(from, from + width) },
			},
			all,
			bad,
		);
	}

	#widen() {
		this.#back();
		this.node.querySelector('.bar[tabindex="0"]')?.focus();
	}

	#onKey(event) {
		const bars = [...this.#bars.querySelectorAll('button')],
			at = bars.indexOf(document.activeElement);
		const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: bars.length - 1 }[event.key];
		if (at < 0 || to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
		event.preventDefault();
		if (!bars[to]) return;
		bars[at].tabIndex = -1;
		bars[to].tabIndex = 0;
		bars[to].focus();
	}
}
