-- SPDX-License-Identifier: MIT
-- Searches by prefix and qualifier read nothing but an index, and totals are kept by function.

DROP INDEX task_place, task_function, task_status, task_error;
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

DROP TABLE tally;
CREATE TABLE tally (
    function text COLLATE "C" NOT NULL,
    task_mode boolean NOT NULL,
    status text NOT NULL,
    slot integer NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (function, task_mode, status, slot)
) WITH (fillfactor = 50);

INSERT INTO tally (function, task_mode, status, slot, number)
SELECT function, task_mode, status, 0, count(*)
FROM invocation GROUP BY function, task_mode, status;

CREATE OR REPLACE FUNCTION tally_in() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO tally (function, task_mode, status, slot, number)
    SELECT function, task_mode, status, pg_backend_pid() % 64, count(*)
    FROM after_rows GROUP BY function, task_mode, status ORDER BY function, task_mode, status
    ON CONFLICT (function, task_mode, status, slot)
    DO UPDATE SET number = tally.number + excluded.number;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION tally_out() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO tally (function, task_mode, status, slot, number)
    SELECT function, task_mode, status, pg_backend_pid() % 64, -count(*)
    FROM before_rows GROUP BY function, task_mode, status ORDER BY function, task_mode, status
    ON CONFLICT (function, task_mode, status, slot)
    DO UPDATE SET number = tally.number + excluded.number;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION tally_move() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO tally (function, task_mode, status, slot, number)
    SELECT function, task_mode, status, pg_backend_pid() % 64, sum(change)
    FROM (
        SELECT function, task_mode, status, 1 AS change FROM after_rows
        UNION ALL
        SELECT function, task_mode, status, -1 FROM before_rows
    ) AS changes
    GROUP BY function, task_mode, status
    HAVING sum(change) <> 0
    ORDER BY function, task_mode, status
    ON CONFLICT (function, task_mode, status, slot)
    DO UPDATE SET number = tally.number + excluded.number;
    RETURN NULL;
END $$;
