-- SPDX-License-Identifier: Apache-2.0
-- Those that run are few among all that ever were: who looks at them reads no others.
CREATE INDEX rec_session_running ON rec_session (started, sid) WHERE ended IS NULL;
