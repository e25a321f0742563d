// SPDX-License-Identifier: Apache-2.0
/*
 * deadline: when to say that something ends: five minutes before, and one.
 */
const MARKS_MS = [5 * 60 * 1000, 60 * 1000],
	LOOK_MS = 60 * 1000;

/* What is next for an end that is so far away, when so many marks were said: how long to wait, and how many are said then; null:
 * nothing any more. Who slept, or came late, is told once, however many marks have passed. */
export function nextWarning(left_ms, said) {
	if (left_ms <= 0) return null;
	const due = MARKS_MS.filter((mark) => left_ms <= mark).length;
	if (due > said) return { wait: 0, said: due };
	return due < MARKS_MS.length ? { wait: left_ms - MARKS_MS[due], said: due + 1 } : null;
}

/* say(): when a mark has passed. Returns what stops it. */
export function watchEnd(end_ms, say) {
	let timer = 0,
		said = 0;
	function look() {
		const next = nextWarning(end_ms - Date.now(), said);
		if (!next) return;
		if (next.wait === 0) {
			said = next.said;
			say();
		}
		/* Looked at anew each minute: timers stand still while the machine sleeps. */
		timer = setTimeout(look, Math.min(next.wait, LOOK_MS));
	}
	look();
	return () => clearTimeout(timer);
}
