// SPDX-License-Identifier: Apache-2.0
/*
 * ending: says before a web session ends that it does, with what to do. Terminals end with the session that they were opened in,
 * whatever is done: their certificate is worth no more. After a new login their tabs stay, and Reconnect in them goes on.
 */
import { onSession, session } from './session.mjs';
import { loginAgain } from './login.mjs';
import { openTerminals } from './shell.mjs';
import { toast } from './dialog.mjs';
import { watchEnd } from './deadline.mjs';
import { moment, until } from './words.mjs';

const MINUTE_MS = 60 * 1000;
const clockTime = (ms) => moment(ms).slice(11, 16);
let of = null,
	stop = () => {},
	stopOld = () => {},
	close = () => {};

const sayUntil = () => toast(`You are logged in until ${clockTime(session().expires)}.`);

function warn(who) {
	const terminals = openTerminals() > 0,
		when = `in ${until(who.expires)}, at ${clockTime(who.expires)}`;
	close();
	close = toast(
		`Your web session ends ${when}${terminals ? ', and open terminals with it' : ''}.` +
			`${terminals ? ' Log in again, and their tabs stay.' : ''}`,
		'bad',
		{ label: 'Log in again', act: () => loginAgain(sayUntil) },
	);
}

/* Of terminals that are of the session before. */
function warnOld(end_ms) {
	if (openTerminals() === 0) return;
	close();
	close = toast(
		`Terminals that you opened before you logged in again end in ${until(end_ms)}. Reconnect is in their tabs then.`,
		'bad',
	);
}

function sessionIs(who) {
	const before = of;
	of = who;
	if (who?.id === before?.id && who?.expires === before?.expires) return;
	stop();
	if (who?.user !== before?.user) {
		stopOld();
		close();
	} else if (before.expires > Date.now()) {
		stopOld();
		stopOld = watchEnd(before.expires, () => {
			if (before.expires - Date.now() <= MINUTE_MS) warnOld(before.expires);
		});
		close();
	}
	if (who) stop = watchEnd(who.expires, () => warn(who));
}

/* From now on, whoever is logged in. */
export const sayBeforeEnd = () => onSession(sessionIs);
