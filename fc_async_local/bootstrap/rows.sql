-- SPDX-License-Identifier: MIT
-- Every row of a state, as rows.py reads it. {columns} and {job} are those of the store. Payloads
-- and archives are bytes for the functions, and are not read.

-- name: column_types
SELECT t.name, c.name, upper(c.type) FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
WHERE t.type = 'table' AND c.type <> '' AND substr(t.name, 1, 7) <> 'sqlite_';

-- name: invocation
SELECT id, {columns}, NULL, NULL FROM invocation;

-- name: http_request
SELECT http FROM invocation WHERE http IS NOT NULL;

-- name: async_config
SELECT config FROM invocation WHERE config IS NOT NULL;

-- name: task_event
SELECT status, at, detail FROM task_event;

-- name: task_note
SELECT '', at, kind, detail, NULL FROM task_note;

-- name: tally
SELECT status, number FROM tally;

-- name: job
SELECT {job} FROM job;

-- name: document
SELECT kind, key, body FROM document;

-- name: mns_queue
SELECT name, attributes, created_at, modified_at FROM mns_queue;

-- name: mns_message
SELECT extra FROM mns_message WHERE extra IS NOT NULL;

-- name: rocketmq_message
SELECT message FROM rocketmq_message;

-- name: rocketmq_delayed
SELECT message FROM rocketmq_delayed;
