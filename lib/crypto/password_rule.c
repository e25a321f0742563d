/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password_rule: which passwords somebody may choose. How many guesses one withstands of somebody who knows what people
 * choose (words, names, the most used passwords, rows of keys, dates, and what is usually done to them) says zxcvbn, which
 * carries its dictionaries. Apart from password.c, so that programs that set none do not load it.
 */
#include <stdlib.h>
#include <string.h>
#include <zxcvbn.h>

#include "base/str.h"
#include "crypto/password.h"

/* Five times what it takes for the longest password. */
enum { GUESS_MEMORY = 1024 * 1024 };

static int
check_guesses(const char *password, const char *const *words, struct err *e)
{
	/* zxcvbn does not look whether it got memory. */
	void *probe = malloc(GUESS_MEMORY);

	if (!probe)
		return err_memory(e);
	free(probe);
	if (ZxcvbnMatch(password, (const char **)(uintptr_t)words, NULL) >= PASSWORD_GUESSES_LOG2)
		return 0;
	return err_set(e,
	    "the password is one that is guessed soon; choose another, such as several words that have nothing to do "
	    "with each other");
}

int
password_check(const char *password, const char *const *words, struct err *e)
{
	size_t n = strlen(password);

	if (n < PASSWORD_MIN)
		return err_set(e, "the password is too short; choose one of at least %d characters",
		    PASSWORD_MIN);
	if (n > PASSWORD_MAX)
		return err_set(e, "the password is too long; choose one of at most %d bytes",
		    PASSWORD_MAX);
	if (!str_is_printable(password, n))
		return err_set(e,
		    "the password holds characters that cannot be typed; choose another one");
	return check_guesses(password, words, e);
}
