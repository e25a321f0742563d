/* SPDX-License-Identifier: Apache-2.0 */
/*
 * some_keys: public SSH keys of kinds that we do not make, as lines.
 */
#ifndef TESTS_SOME_KEYS_H
#define TESTS_SOME_KEYS_H

#define SOME_P256                                                                                              \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEcSKffCfYNzCVDnkxMwIm12tYDy" \
	"LS/y49a5/xmeoBqueC9V7fUftJ2Ni5tDPcBmS5jnMnOLui78wdAgT8IWE3s="
/* Nobody may have these certified. */
#define SOME_P384                                                                                              \
	"ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBKXOAsconKSVi7sGLEIfWxQ1ZN96" \
	"FT/iU7Y/T8yyGJY7YNbkJ5IpYOUVV8nUEdh8Jv9ePugMXmWa1xjO4q/DGsAh36x6YdPglcUmwkxuiQfTmVnamY6ZA6UEP5Q0f0Ct" \
	"sQ=="
#define SOME_RSA                                                                                               \
	"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCQfCyNvgE6YWH7ofIz7V6igD9Vo6hKA7+SvS5s849ZMn9iT2LbR8II6zb1FF2G" \
	"aCjsai/RlzpMnuIOzg5PvbrfgPblOSvhEsWCnA3cHvbWuTs9CGs6KL5UImzF0SuyqJdae97m5bPg8Amh5ELIfEaZr/S5xCLErkhS" \
	"RBg/XB8+bYaYw3hHUG3s0/J3SJA5yaWAV30woFEDU2BMXed7XxM1XZw3DUsP1kqOKFMoxZadgrF6AKr/WJj7JDfa5w5csYyGR1wl" \
	"Kzz4CCvSRp/JZP3FoB4Az2tPlEKButjyTHlBliDnRtKPQrMpK1fyh7jcIQ68mi0ecMcNV8I3bAVWkPq/"
#define SOME_TOKEN                                                                                             \
	"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIEQP5kqhqkAaoGle4hjnjnJ0aseZr" \
	"klleBLQgxjRoAFLAAAABHNzaDo="

#endif
