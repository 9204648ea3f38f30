-- SPDX-License-Identifier: MIT
-- Times are milliseconds since the epoch. Names are compared byte by byte, as in every store.

CREATE TABLE invocation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of acceptance
    request_id text COLLATE "C" NOT NULL UNIQUE,
    task_id text COLLATE "C" NOT NULL,
    function text COLLATE "C" NOT NULL,
    qualifier text COLLATE "C" NOT NULL,
    accepted_at bigint NOT NULL,
    due_at bigint NOT NULL,
    task_mode boolean NOT NULL,
    status text NOT NULL,
    attempts integer NOT NULL,
    system_retries integer NOT NULL,
    system_retry_since bigint,
    instance_id text NOT NULL,
    started_at bigint,
    ended_at bigint,
    error text NOT NULL,
    destination_status text NOT NULL,
    call_path text NOT NULL, -- JSON array
    delay_ms bigint NOT NULL,
    config bytea,
    epoch bigint NOT NULL,
    lease_until bigint,
    lease_owner text NOT NULL,
    return_payload bytea,
    -- When it can be claimed; NULL when it is final. Computed, so it can't disagree.
    ready_at bigint GENERATED ALWAYS AS (
        CASE
            WHEN lease_until IS NOT NULL THEN lease_until
            WHEN status IN ('Enqueued', 'Retrying', 'Stopping') THEN due_at
        END
    ) STORED,
    UNIQUE (function, task_id)
);

-- Only what can be claimed is in it: finished tasks never slow a claim.
CREATE INDEX invocation_ready ON invocation (ready_at, id) WHERE ready_at IS NOT NULL;
CREATE INDEX invocation_held ON invocation (lease_owner) WHERE lease_until IS NOT NULL;
CREATE INDEX invocation_ended ON invocation (ended_at) WHERE ended_at IS NOT NULL;

-- The lists of tasks.
CREATE INDEX task_place ON invocation (accepted_at, request_id) WHERE task_mode;
CREATE INDEX task_function ON invocation (function, accepted_at, request_id) WHERE task_mode;
CREATE INDEX task_status ON invocation (function, status, accepted_at, request_id)
WHERE task_mode;

-- Apart from the invocation: every update makes a new row, and this may be 128 KiB of it.
CREATE TABLE payload (
    id bigint PRIMARY KEY, -- invocation.id
    body bytea NOT NULL
);
ALTER TABLE payload ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE task_event (
    invocation bigint NOT NULL, -- invocation.id
    number bigint GENERATED ALWAYS AS IDENTITY,
    status text NOT NULL,
    at bigint NOT NULL,
    detail text NOT NULL, -- JSON object
    PRIMARY KEY (invocation, number)
);

-- How many invocations are in which state: 500,000 rows take too long to count. Each server process
-- adds to rows of its own, so that transactions do not wait for each other.
CREATE TABLE tally (
    status text NOT NULL,
    slot integer NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (status, slot)
) WITH (fillfactor = 50);

CREATE FUNCTION tally_in() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO tally (status, slot, number)
    SELECT status, pg_backend_pid() % 64, count(*) FROM after_rows GROUP BY status ORDER BY status
    ON CONFLICT (status, slot) DO UPDATE SET number = tally.number + excluded.number;
    RETURN NULL;
END $$;

CREATE FUNCTION tally_out() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO tally (status, slot, number)
    SELECT status, pg_backend_pid() % 64, -count(*) FROM before_rows GROUP BY status ORDER BY status
    ON CONFLICT (status, slot) DO UPDATE SET number = tally.number + excluded.number;
    RETURN NULL;
END $$;

CREATE FUNCTION tally_move() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO tally (status, slot, number)
    SELECT status, pg_backend_pid() % 64, sum(change)
    FROM (
        SELECT status, 1 AS change FROM after_rows
        UNION ALL
        SELECT status, -1 FROM before_rows
    ) AS changes
    GROUP BY status
    HAVING sum(change) <> 0
    ORDER BY status
    ON CONFLICT (status, slot) DO UPDATE SET number = tally.number + excluded.number;
    RETURN NULL;
END $$;

CREATE TRIGGER tally_in AFTER INSERT ON invocation
REFERENCING NEW TABLE AS after_rows
FOR EACH STATEMENT EXECUTE FUNCTION tally_in();

CREATE TRIGGER tally_out AFTER DELETE ON invocation
REFERENCING OLD TABLE AS before_rows
FOR EACH STATEMENT EXECUTE FUNCTION tally_out();

CREATE TRIGGER tally_move AFTER UPDATE ON invocation
REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
FOR EACH STATEMENT EXECUTE FUNCTION tally_move();

CREATE TABLE job (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- order of writing
    kind text NOT NULL,
    key text COLLATE "C" NOT NULL UNIQUE,
    scope text NOT NULL,
    created_at bigint NOT NULL,
    due_at bigint NOT NULL,
    tries integer NOT NULL,
    state text NOT NULL, -- 'pending' or 'dead'
    error text NOT NULL,
    epoch bigint NOT NULL,
    lease_until bigint,
    lease_owner text NOT NULL,
    payload bytea NOT NULL,
    -- When it can be claimed; NULL when it is dead.
    ready_at bigint GENERATED ALWAYS AS (
        CASE WHEN state = 'pending' THEN coalesce(lease_until, due_at) END
    ) STORED
);

CREATE INDEX job_ready ON job (kind, ready_at, id) WHERE ready_at IS NOT NULL;
CREATE INDEX job_held ON job (lease_owner) WHERE lease_until IS NOT NULL;
CREATE INDEX job_scope ON job (kind, scope) WHERE state = 'pending';
CREATE INDEX job_dead ON job (created_at, key) WHERE state = 'dead';

-- Sums by minute; by source as well, so that nodes don't wait for each other.
CREATE TABLE metric (
    metric text NOT NULL,
    function text NOT NULL,
    minute bigint NOT NULL,
    source text NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (minute, metric, function, source)
) WITH (fillfactor = 50);

CREATE TABLE document (
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (kind, key)
);

CREATE TABLE document_revision (revision bigint NOT NULL);
INSERT INTO document_revision (revision) VALUES (0);

CREATE TABLE blob (
    key text PRIMARY KEY,
    data bytea NOT NULL
);
ALTER TABLE blob ALTER COLUMN data SET STORAGE EXTERNAL;

-- When a blob was last known to be used.
CREATE TABLE blob_use (
    key text COLLATE "C" PRIMARY KEY, -- blob.key
    used_at bigint NOT NULL
);
