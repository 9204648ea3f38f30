-- SPDX-License-Identifier: MIT
-- Searches by prefix and qualifier read nothing but an index, and totals are kept by function.

DROP INDEX task_place;
DROP INDEX task_function;
DROP INDEX task_status;
DROP INDEX task_error;
CREATE INDEX task_place ON invocation (accepted_at, request_id, task_id, qualifier)
WHERE task_mode;
CREATE INDEX task_function ON invocation (function, accepted_at, request_id, task_id, qualifier)
WHERE task_mode;
CREATE INDEX task_status
ON invocation (function, status, accepted_at, request_id, task_id, qualifier)
WHERE task_mode;
CREATE INDEX task_error
ON invocation (error, accepted_at, request_id, task_id, qualifier, function, status)
WHERE task_mode AND error <> '';

DROP TRIGGER tally_move;
DROP TABLE tally;
CREATE TABLE tally (
    function TEXT NOT NULL,
    task_mode INTEGER NOT NULL,
    status TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (function, task_mode, status)
) WITHOUT ROWID;

INSERT INTO tally (function, task_mode, status, number)
SELECT function, task_mode, status, count(*) FROM invocation GROUP BY function, task_mode, status;

CREATE TRIGGER tally_move AFTER UPDATE OF status ON invocation
WHEN old.status <> new.status BEGIN
    UPDATE tally SET number = number - 1
    WHERE function = old.function AND task_mode = old.task_mode AND status = old.status;
    INSERT INTO tally (function, task_mode, status, number)
    VALUES (new.function, new.task_mode, new.status, 1)
    ON CONFLICT (function, task_mode, status) DO UPDATE SET number = number + 1;
END;
