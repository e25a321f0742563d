/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signature: see signature.h. Asks twice, as git does: who of the signers it is, then whether the signature is good.
 */
#include "tsh/signature.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { NOT_FOUND = 127 };

/* A file without a name that holds data, at its beginning: what is verified is what was read, whatever happens on the disk. */
static int
open_copy(struct span data, struct err *e)
{
	int fd = memfd_create("tsh", MFD_CLOEXEC);

	if (fd < 0)
		return err_errno(e, "cannot make a file in memory");
	if (file_write_all(fd, data.p, data.n) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return err_errno(e, "cannot write a file in memory");
	}
	return fd;
}

static void __attribute__((noreturn)) be_ssh_keygen(char *const *argv, int in, int out)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (dup2(in >= 0 ? in : nothing, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(nothing, STDERR_FILENO) >= 0)
		execvp(argv[0], argv);
	/* As a shell says "not found"; no atexit of the parent's may run here. */
	_exit(NOT_FOUND);
}

/* What it prints first goes to ret (size), NUL-terminated. The status, or negative with e. */
static int
run(char *const *argv, int in, char *ret, size_t size, struct err *e)
{
	_cleanup_close_ int out = open_copy((struct span){ NULL, 0 }, e);
	int status;
	ssize_t n;
	pid_t pid;

	if (out < 0)
		return -1;
	if ((pid = fork()) < 0)
		return err_errno(e, "cannot start ssh-keygen");
	if (pid == 0)
		be_ssh_keygen(argv, in, out);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(e, "cannot wait for ssh-keygen");
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
		return err_set(e,
		    "signatures are verified by OpenSSH's ssh-keygen, which is not here: install openssh-client");
	n = pread(out, ret, size - 1, 0);
	ret[n > 0 ? n : 0] = '\0';
	return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_FOUND;
}

/* The first of the names that allowed_signers gives to the key of the signature. */
static int
find_signer(const char *signature, const char *allowed, char ret[SIGNATURE_NAME_SIZE],
    struct err *e)
{
	const char *argv[] = { "ssh-keygen", "-Y", "find-principals", "-s", signature, "-f",
		allowed, NULL };
	int status = run((char *const *)(uintptr_t)argv, -1, ret, SIGNATURE_NAME_SIZE, e);

	if (status < 0)
		return -1;
	ret[strcspn(ret, "\n")] = '\0';
	/* It is an argument of ssh-keygen next. */
	if (status != 0 || !*ret || *ret == '-')
		return err_set(e, "%s: not signed by anybody whom %s names", signature, allowed);
	return 0;
}

int
signature_verify(struct span data, const char *signature, const char *allowed,
    const char *namespace, char ret_signer[SIGNATURE_NAME_SIZE], struct err *e)
{
	const char *argv[] = { "ssh-keygen", "-Y", "verify", "-f", allowed, "-I", ret_signer, "-n",
		namespace, "-s", signature, NULL };
	char said[SIGNATURE_NAME_SIZE], signer[SIGNATURE_NAME_SIZE];
	_cleanup_close_ int in = -1;
	int status;

	if (access(signature, R_OK) < 0)
		return err_errno(e, "the signature %s", signature);
	if (access(allowed, R_OK) < 0)
		return err_errno(e, "the allowed signers %s", allowed);
	if (find_signer(signature, allowed, ret_signer, e) < 0 || (in = open_copy(data, e)) < 0)
		return -1;
	status = run((char *const *)(uintptr_t)argv, in, said, sizeof said, e);
	if (status < 0)
		return -1;
	if (status != 0)
		return err_set(e,
		    "%s is no good signature of the list: it was changed, or signed for something else",
		    signature);
	str_clean(signer, sizeof signer, ret_signer, strlen(ret_signer));
	return str_copy(ret_signer, SIGNATURE_NAME_SIZE, signer) ? 0 : err_memory(e);
}
