-- SPDX-License-Identifier: MIT
-- Executions of unknown end; the retry count that the function gets includes them.
ALTER TABLE invocation ADD COLUMN interruptions integer NOT NULL DEFAULT 0;
