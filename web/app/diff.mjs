// SPDX-License-Identifier: Apache-2.0
/*
 * diff: what is different between two texts, line by line, as `diff -u` shows it: the longest common lines stay.
 */
const AROUND = 3; /* lines of what is the same */
const CELLS_MAX = 4e6; /* of the table; beyond that what lies between the same ends is replaced as a whole */

/* Rows {sign: ' ', '-' or '+', text} of the lines between the ends that are the same. */
function middle(a, b) {
	const removed = a.map((text) => ({ sign: '-', text })),
		added = b.map((text) => ({ sign: '+', text }));
	if (a.length * b.length > CELLS_MAX) return [...removed, ...added];
	const width = b.length + 1,
		longest = new Uint32Array((a.length + 1) * width);
	for (let i = a.length - 1; i >= 0; i--)
		for (let k = b.length - 1; k >= 0; k--)
			longest[i * width + k] =
				a[i] === b[k]
					? longest[(i + 1) * width + k + 1] + 1
					: Math.max(longest[(i + 1) * width + k], longest[i * width + k + 1]);
	const rows = [];
	let i = 0,
		k = 0;
	while (i < a.length && k < b.length) {
		if (a[i] === b[k]) rows.push({ sign: ' ', text: (k++, a[i++]) });
		else if (longest[(i + 1) * width + k] >= longest[i * width + k + 1]) rows.push(removed[i++]);
		else rows.push(added[k++]);
	}
	return [...rows, ...removed.slice(i), ...added.slice(k)];
}

function allRows(before, after) {
	const a = before.split('\n'),
		b = after.split('\n');
	let from = 0,
		end = 0;
	while (from < Math.min(a.length, b.length) && a[from] === b[from]) from++;
	while (end < Math.min(a.length, b.length) - from && a.at(-1 - end) === b.at(-1 - end)) end++;
	const same = (text) => ({ sign: ' ', text });
	return [
		...a.slice(0, from).map(same),
		...middle(a.slice(from, a.length - end), b.slice(from, b.length - end)),
		...a.slice(a.length - end).map(same),
	];
}

/* "12,7": so many lines from there on; of none the one before. */
const stretch = (from, n) => `${n ? from : from - 1}${n === 1 ? '' : `,${n}`}`;
const headText = ({ old, fresh, less, more }) => `@@ -${stretch(old, less)} +${stretch(fresh, more)} @@`;

/* As rows of the one or the other alone, or of both. */
function rowsOf(before, after) {
	const ended = (text) => text.replace(/\n$/, '');
	if (before !== '') return allRows(ended(before), ended(after));
	return ended(after)
		.split('\n')
		.map((text) => ({ sign: '+', text }));
}

/*
 * Rows {sign, text}: '@' before each stretch, then its lines. None: the texts are the same. An empty text is none at all; a last
 * line ends.
 */
export function diff(before, after) {
	const rows = rowsOf(before, after),
		changes = (row) => row.sign !== ' ',
		near = rows.map((_, i) => rows.slice(Math.max(0, i - AROUND), i + AROUND + 1).some(changes)),
		shown = [];
	let old = 1,
		fresh = 1,
		head = null;
	rows.forEach((row, i) => {
		if (near[i] && !near[i - 1]) shown.push((head = { sign: '@', old, fresh, less: 0, more: 0 }));
		if (near[i]) {
			shown.push(row);
			head.less += row.sign !== '+';
			head.more += row.sign !== '-';
		}
		old += row.sign !== '+';
		fresh += row.sign !== '-';
	});
	return shown.map((row) => (row.sign === '@' ? { sign: '@', text: headText(row) } : row));
}
