/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: one line for a person; see err.h.
 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

int
err_set(struct err *e, const char *fmt, ...)
{
	char text[ERR_MAX]; /* the arguments may point into e->text */
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_copy(e->text, sizeof(e->text), text);
	return -1;
}

/* GNU's strerror_r returns the text, which may or may not be in the buffer; that of other C libraries a number. */
static const char *
errno_text(int number, char *buf, size_t size)
{
#ifdef __GLIBC__
	return strerror_r(number, buf, size);
#else
	return strerror_r(number, buf, size) == 0 ? buf : "unknown error";
#endif
}

int
err_memory(struct err *e)
{
	return err_set(e, "out of memory");
}

int
err_errno(struct err *e, const char *fmt, ...)
{
	int saved = errno; /* before anything here can change it */
	char text[ERR_MAX], why[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(e, "%s: %s", text, errno_text(saved, why, sizeof(why)));
	errno = saved;
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char what[ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return e ? err_set(e, "%s: %s", what, e->text) : -1;
}
