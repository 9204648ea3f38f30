-- SPDX-License-Identifier: MIT
-- Type and message of a function's error, shown in lists and searched.

ALTER TABLE invocation ADD COLUMN failure TEXT NOT NULL DEFAULT '';
ALTER TABLE invocation ADD COLUMN failure_type TEXT
GENERATED ALWAYS AS (substr(failure, 1, instr(failure || ':', ':') - 1)) VIRTUAL;
CREATE INDEX task_failure
ON invocation (failure_type, accepted_at, request_id, task_id, qualifier, function, status)
WHERE task_mode AND failure <> '';
CREATE INDEX task_message
ON invocation (accepted_at, request_id, failure, task_id, qualifier, function, status)
WHERE task_mode AND failure <> '';
