-- SPDX-License-Identifier: MIT
-- Times are milliseconds since the epoch.

CREATE TABLE invocation (
    id INTEGER PRIMARY KEY, -- order of acceptance
    request_id TEXT NOT NULL UNIQUE,
    task_id TEXT NOT NULL,
    function TEXT NOT NULL,
    qualifier TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    task_mode INTEGER NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    system_retries INTEGER NOT NULL,
    system_retry_since INTEGER,
    instance_id TEXT NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    error TEXT NOT NULL,
    destination_status TEXT NOT NULL,
    call_path TEXT NOT NULL, -- JSON array
    delay_ms INTEGER NOT NULL,
    config BLOB,
    epoch INTEGER NOT NULL,
    lease_until INTEGER,
    lease_owner TEXT NOT NULL,
    return_payload BLOB,
    -- When it can be claimed; NULL when it is final. Never stored, so it can't disagree.
    ready_at INTEGER GENERATED ALWAYS AS (
        CASE
            WHEN lease_until IS NOT NULL THEN lease_until
            WHEN status IN ('Enqueued', 'Retrying', 'Stopping') THEN due_at
        END
    ) VIRTUAL,
    UNIQUE (function, task_id)
);

-- Only what can be claimed is in it: finished tasks never slow a claim.
CREATE INDEX invocation_ready ON invocation (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX invocation_held ON invocation (lease_owner) WHERE lease_until IS NOT NULL;
CREATE INDEX invocation_ended ON invocation (ended_at) WHERE ended_at IS NOT NULL;

-- The lists of tasks.
CREATE INDEX task_place ON invocation (accepted_at, request_id) WHERE task_mode;
CREATE INDEX task_function ON invocation (function, accepted_at, request_id) WHERE task_mode;
CREATE INDEX task_status ON invocation (function, status, accepted_at, request_id)
WHERE task_mode;

-- Apart from the invocation: an update rewrites the whole row, and this may be 128 KiB of it.
CREATE TABLE payload (
    id INTEGER PRIMARY KEY, -- invocation.id
    body BLOB NOT NULL
);

CREATE TABLE task_event (
    invocation INTEGER NOT NULL, -- invocation.id
    number INTEGER NOT NULL, -- 1, 2, 3 …
    status TEXT NOT NULL,
    at INTEGER NOT NULL,
    detail TEXT NOT NULL, -- JSON object
    PRIMARY KEY (invocation, number)
) WITHOUT ROWID;

-- How many invocations are in which state: 500,000 rows take too long to count. Inserts and deletes
-- are counted once for their group by the statement add_to_tally.
CREATE TABLE tally (
    status TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO tally (status, number) VALUES
('Enqueued', 0), ('Dequeued', 0), ('Running', 0), ('Retrying', 0), ('Stopping', 0),
('Succeeded', 0), ('Failed', 0), ('Stopped', 0), ('Expired', 0), ('Invalid', 0);

CREATE TRIGGER tally_move AFTER UPDATE OF status ON invocation
WHEN old.status <> new.status BEGIN
    UPDATE tally SET number = number - 1 WHERE status = old.status;
    UPDATE tally SET number = number + 1 WHERE status = new.status;
END;

CREATE TABLE job (
    id INTEGER PRIMARY KEY, -- order of writing
    kind TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    state TEXT NOT NULL, -- 'pending' or 'dead'
    error TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    lease_until INTEGER,
    lease_owner TEXT NOT NULL,
    payload BLOB NOT NULL,
    -- When it can be claimed; NULL when it is dead.
    ready_at INTEGER GENERATED ALWAYS AS (
        CASE WHEN state = 'pending' THEN coalesce(lease_until, due_at) END
    ) VIRTUAL
);

CREATE INDEX job_ready ON job (kind, ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX job_held ON job (lease_owner) WHERE lease_until IS NOT NULL;
CREATE INDEX job_scope ON job (kind, scope) WHERE state = 'pending';
CREATE INDEX job_dead ON job (created_at, key) WHERE state = 'dead';

-- Sums by minute.
CREATE TABLE metric (
    metric TEXT NOT NULL,
    function TEXT NOT NULL,
    minute INTEGER NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (metric, function, minute)
) WITHOUT ROWID;
CREATE INDEX metric_minute ON metric (minute);

CREATE TABLE document (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;

CREATE TABLE document_revision (revision INTEGER NOT NULL);
INSERT INTO document_revision (revision) VALUES (0);

CREATE TABLE blob (
    key TEXT PRIMARY KEY,
    data BLOB NOT NULL
);

-- When a blob was last known to be used. Apart from the blob: an update rewrites the whole row, and
-- that is an archive.
CREATE TABLE blob_use (
    key TEXT PRIMARY KEY, -- blob.key
    used_at INTEGER NOT NULL
) WITHOUT ROWID;
