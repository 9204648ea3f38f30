-- SPDX-License-Identifier: MIT
-- Type and message of a function's error, shown in lists and searched.

ALTER TABLE invocation ADD COLUMN failure text NOT NULL DEFAULT '';
ALTER TABLE invocation ADD COLUMN failure_type text COLLATE "C" NOT NULL
GENERATED ALWAYS AS (split_part(failure, ':', 1)) STORED;
CREATE INDEX task_failure
ON invocation (failure_type, accepted_at, request_id, task_id, qualifier, function, status)
WHERE task_mode AND failure <> '';
CREATE INDEX task_message
ON invocation (accepted_at, request_id)
WHERE task_mode AND failure <> '';
