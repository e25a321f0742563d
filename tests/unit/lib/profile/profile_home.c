/* SPDX-License-Identifier: Apache-2.0 */
#include "profile_home.h"

#include <stdlib.h>

#include "base/str.h"

char test_home[64];

int
profile_home_setup(void **state)
{
	(void)state;
	(void)str_copy(test_home, sizeof test_home, "/tmp/profile-test-XXXXXX");
	if (!mkdtemp(test_home) || setenv("SALLYPORT_HOME", test_home, 1) != 0)
		return -1;
	return 0;
}

int
profile_home_teardown(void **state)
{
	char command[128];

	(void)state;
	(void)str_format(command, sizeof command, "rm -rf %s", test_home);
	return system(command);
}
