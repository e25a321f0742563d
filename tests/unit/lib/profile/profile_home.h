/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_home: a folder of the test's own as the home of profiles, for cmocka's setup and teardown.
 */
#ifndef TESTS_PROFILE_HOME_H
#define TESTS_PROFILE_HOME_H

extern char test_home[64];

int profile_home_setup(void **state);
int profile_home_teardown(void **state);

#endif
