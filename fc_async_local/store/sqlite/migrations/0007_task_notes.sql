-- SPDX-License-Identifier: MIT
-- What the console asks for: tries of deliveries, actions of users, lists by qualifier and by error.

CREATE TABLE task_note (
    number INTEGER PRIMARY KEY,
    invocation INTEGER NOT NULL, -- invocation.id
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL, -- JSON object
    body BLOB
);
CREATE INDEX task_note_invocation ON task_note (invocation);
CREATE INDEX task_qualifier ON invocation (qualifier, accepted_at, request_id)
WHERE task_mode AND qualifier <> 'LATEST';
CREATE INDEX task_error ON invocation (error, accepted_at, request_id)
WHERE task_mode AND error <> '';
