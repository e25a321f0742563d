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
static int wake[2] = { -1, -1 }; /* a pipe */

/* A byte in the pipe, for the signal may come in another thread (gRPC has some), or between the question and the waiting:
 * no system call of ours ends by it then. */
static void
on_interrupt(int signo)
{
	int saved = errno;
	char byte = 0;

	interrupted = signo;
	(void)!write(wake[1], &byte, 1);
	errno = saved;
}

static ssize_t
read_byte(int fd, char *ret)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = wake[0], .events = POLLIN } };

	for (;;) {
		ssize_t n = -1;

		if (poll(p, 2, -1) > 0 && !interrupted)
			n = read(fd, ret, 1);
		if (n >= 0 || errno != EINTR || interrupted)
			return n;
	}
}

/* Bytes up to a newline, one at a time: what follows it in a pipe belongs to
 * the next question. 0, 1 too long, -1 end or interrupted. */
static int
read_line(int fd, char *dst, size_t size)
{
	size_t at = 0;
	bool cut = false;

	for (;;) {
		char c;
		ssize_t n = read_byte(fd, &c);

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

/* Open from then on: a handler may still run in another thread when the question is over. */
static int
open_pipe(void)
{
	char bytes[16];

	if (wake[0] < 0)
		return pipe2(wake, O_CLOEXEC | O_NONBLOCK);
	/* Of a question before. */
	while (read(wake[0], bytes, sizeof(bytes)) > 0)
		;
	return 0;
}

/* Asks on the terminal. Signals that would end the program end the question instead, so that echo comes back. */
static int
ask_tty(int tty, const char *prompt, bool echo, char *dst, size_t size)
{
	struct sigaction action = { .sa_handler = on_interrupt }, before[3];
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct termios saved, quiet;
	bool changed = false;
	int r;

	if (open_pipe() < 0)
		return -1;
	for (size_t i = 0; i < 3; i++)
		sigaction(signals[i], &action, &before[i]);
	if (!echo && tcgetattr(tty, &saved) == 0) {
		quiet = saved;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		quiet.c_lflag |= ECHONL | ICANON;
		/* TCSAFLUSH: what was typed ahead, perhaps with echo, is not taken for a
		 * password. */
		changed = tcsetattr(tty, TCSAFLUSH, &quiet) == 0;
	}
	(void)file_write_all(tty, prompt, strlen(prompt));
	r = read_line(tty, dst, size);
	while (changed && tcsetattr(tty, TCSADRAIN, &saved) < 0 && errno == EINTR)
		;
	if (interrupted)
		(void)file_write_all(tty, "\n", 1);
	for (size_t i = 0; i < 3; i++)
		sigaction(signals[i], &before[i], NULL);
	return r;
}

/* Standard input that is a terminal is the terminal meant (a test's, a container's without /dev/tty). */
static int
open_tty(void)
{
	return isatty(STDIN_FILENO) ? dup(STDIN_FILENO)
				    : open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

bool
cli_prompt_has_person(void)
{
	int tty = open_tty();

	if (tty >= 0)
		close(tty);
	return tty >= 0;
}

static int
ask(const char *prompt, bool echo, char *dst, size_t size, struct err *e)
{
	int tty;
	int r;

	interrupted = 0;
	tty = open_tty();
	if (tty < 0)
		return verdict(read_line(STDIN_FILENO, dst, size), e);
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
cli_prompt_line(const char *prompt, char *dst, size_t size, struct err *e)
{
	return ask(prompt, true, dst, size, e) < 0 ? -1 : 0;
}

int
cli_prompt_otp(const char *prompt, char *dst, size_t size, struct err *e)
{
	for (int tries = 0; tries < 3; tries++) {
		size_t n;

		if (ask(prompt, true, dst, size, e) < 0)
			return -1;
		n = keep_digits(dst) ? strlen(dst) : 1;
		if (n == 0 || (n >= 6 && n <= 8))
			return 0;
	}
	return err_set(e, "a one-time code has six to eight digits");
}
