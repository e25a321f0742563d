/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prompt: questions to a person; see cli.h. They go to /dev/tty, so that
 * `tsh ssh host < data` can still ask for a password.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/cli_priv.h"

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int signo)
{
	interrupted = signo;
}

/* Signals are open only while it waits: one that came between the question and read(2) would be seen by nobody. */
static ssize_t
read_byte(int fd, const sigset_t *open, char *ret)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		ssize_t n = -1;

		if (!open || ppoll(&p, 1, NULL, open) > 0)
			n = read(fd, ret, 1);
		if (n >= 0 || errno != EINTR || interrupted)
			return n;
	}
}

/* Bytes up to a newline, one at a time: what follows it in a pipe belongs to
 * the next question. 0, 1 too long, -1 end or interrupted. open: the signals that end it; NULL: all do as they always do. */
static int
read_line(int fd, const sigset_t *open, char *dst, size_t size)
{
	size_t at = 0;
	bool cut = false;

	for (;;) {
		char c;
		ssize_t n = read_byte(fd, open, &c);

		if (n <= 0 && (n < 0 || at == 0)) {
			explicit_bzero(dst, size);
			return -1;
		}
		if (n == 0 || c == '\n')
			break;
		if (at + 1 < size)
			dst[at++] = c;
		else
			cut = true;
	}
	if (at && dst[at - 1] == '\r')
		at--;
	dst[at] = 0;
	return cut;
}

int
cli_prompt_interrupted(void)
{
	return interrupted;
}

/* r as of read_line. */
static int
verdict(int r, struct err *e)
{
	if (interrupted)
		return err_set(e, "interrupted");
	if (r < 0)
		return err_set(e, "no answer: the input ended");
	if (r > 0)
		return err_set(e, "the answer is too long");
	return 0;
}

/* Asks on the terminal. Signals that would end the program end the question instead, so that echo comes back. */
static int
ask_tty(int tty, const char *prompt, bool echo, char *dst, size_t size)
{
	struct sigaction action = { .sa_handler = on_interrupt }, before[3];
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct termios saved, quiet;
	sigset_t held, open;
	bool changed = false;
	int r;

	sigemptyset(&held);
	for (size_t i = 0; i < 3; i++) {
		sigaddset(&held, signals[i]);
		/* Without SA_RESTART, so that the waiting ends. */
		sigaction(signals[i], &action, &before[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &held, &open);
	if (!echo && tcgetattr(tty, &saved) == 0) {
		quiet = saved;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		quiet.c_lflag |= ECHONL | ICANON;
		/* TCSAFLUSH: what was typed ahead, perhaps with echo, is not taken for a
		 * password. */
		changed = tcsetattr(tty, TCSAFLUSH, &quiet) == 0;
	}
	(void)file_write_all(tty, prompt, strlen(prompt));
	r = read_line(tty, &open, dst, size);
	if (changed)
		(void)tcsetattr(tty, TCSADRAIN, &saved);
	if (interrupted)
		(void)file_write_all(tty, "\n", 1);
	/* One that is still held is for the question that it interrupted, not for the program. */
	(void)sigprocmask(SIG_SETMASK, &open, NULL);
	for (size_t i = 0; i < 3; i++)
		sigaction(signals[i], &before[i], NULL);
	return r;
}

static int
ask(const char *prompt, bool echo, char *dst, size_t size, struct err *e)
{
	int tty = -1;
	int r;

	interrupted = 0;
	/* Standard input that is a terminal is the terminal meant (a test's, a container's without /dev/tty). */
	if (isatty(STDIN_FILENO))
		tty = dup(STDIN_FILENO);
	else
		tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0)
		return verdict(read_line(STDIN_FILENO, NULL, dst, size), e);
	r = ask_tty(tty, prompt, echo, dst, size);
	close(tty);
	return verdict(r, e);
}

int
cli_prompt_secret(const char *prompt, char *dst, size_t size, struct err *e)
{
	return ask(prompt, false, dst, size, e);
}

/* Authenticators show "123 456", and people type what they see. */
static bool
keep_digits(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == ' ' || *s == '-')
			continue;
		if (*s < '0' || *s > '9')
			return false;
		*to++ = *s;
	}
	*to = 0;
	return true;
}

int
cli_prompt_otp(const char *prompt, char *dst, size_t size, struct err *e)
{
	for (int tries = 0; tries < 3; tries++) {
		size_t n;

		if (ask(prompt, true, dst, size, e) < 0)
			return -1;
		n = keep_digits(dst) ? strlen(dst) : 0;
		if (n >= 6 && n <= 8)
			return 0;
	}
	return err_set(e, "a one-time code has six to eight digits");
}
