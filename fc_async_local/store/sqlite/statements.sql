-- {columns}, {row}, {changes}, {job} and {job_row} come from the fields of the records, see rows.py.
-- {before} and {order} are "<" and "DESC", or ">" and "ASC", {by} and {index} as searching.py has them;
-- other names in braces are those of earlier statements.

-- name: last_id
SELECT coalesce(max(id), 0) FROM invocation;

-- name: insert_invocation
INSERT INTO invocation (id, {columns}, return_payload)
VALUES ({row})
ON CONFLICT DO NOTHING;

-- name: numbers
SELECT id FROM invocation WHERE id BETWEEN ? AND ?;

-- name: insert_payload
INSERT INTO payload (id, body) VALUES (?, ?);

-- name: insert_event
INSERT INTO task_event (invocation, number, status, at, detail)
SELECT
    event.column1,
    coalesce((SELECT max(number) FROM task_event WHERE invocation = event.column1), 0) + 1,
    event.column2, event.column3, event.column4
FROM (VALUES (?, ?, ?, ?)) AS event;

-- name: due
SELECT invocation.id, {columns}, return_payload, payload.body
FROM invocation CROSS JOIN payload ON payload.id = invocation.id
WHERE ready_at <= ? AND (ready_at <= ? OR (lease_until IS NULL AND NOT task_mode))
ORDER BY ready_at, invocation.id
LIMIT ?;

-- name: held
SELECT invocation.id, {columns}, return_payload, NULL
FROM invocation
WHERE lease_owner = ? AND lease_until IS NOT NULL;

-- name: upcoming
SELECT invocation.id, {columns}, return_payload, NULL
FROM invocation
WHERE ready_at IS NOT NULL
ORDER BY ready_at
LIMIT ?;

-- name: waiting
-- See steps.waiting_class: by what they wait for, when they can be claimed at the latest.
SELECT class, count(*), max(ready_at) FROM (
    SELECT
        ready_at,
        CASE
            WHEN lease_owner = '(paused)' THEN 'paused'
            WHEN system_retries > 0 THEN 'throttled'
            WHEN due_at <= :now THEN 'due'
            WHEN attempts > 0 THEN 'errors'
            WHEN substr(payload.body, 1, :length) = :hop THEN 'hops'
            ELSE 'delayed'
        END AS class
    FROM invocation CROSS JOIN payload ON payload.id = invocation.id
    WHERE
        ready_at IS NOT NULL AND lease_until IS NULL AND function = :function
        AND status IN ('Enqueued', 'Retrying')
    ORDER BY ready_at
    LIMIT :most
) AS nearest
GROUP BY class;

-- name: parked
-- One search of the index for each function.
WITH RECURSIVE function (name) AS (
    SELECT min(function) FROM invocation
    WHERE lease_owner = '(paused)' AND lease_until IS NULL
    UNION ALL
    SELECT (
        SELECT min(function) FROM invocation
        WHERE
            lease_owner = '(paused)' AND lease_until IS NULL AND invocation.function > function.name
    )
    FROM function WHERE function.name IS NOT NULL
)
SELECT name FROM function WHERE name IS NOT NULL;

-- name: unpark
-- The last conditions hold once more where another transaction has claimed or stopped one of them.
UPDATE invocation SET
    due_at = :now + first.place * :spread / :number, lease_owner = ''
FROM (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM invocation
    WHERE
        function = :function AND lease_owner = '(paused)' AND lease_until IS NULL
    ORDER BY id
    LIMIT :number
) AS first
WHERE
    invocation.id = first.id AND invocation.lease_owner = '(paused)'
    AND invocation.lease_until IS NULL;

-- name: task
SELECT invocation.id, {columns}, return_payload, payload.body
FROM invocation CROSS JOIN payload ON payload.id = invocation.id
WHERE function = ? AND task_id = ? AND task_mode;

-- name: task_for_update
{task};

-- name: task_events
SELECT status, at, detail FROM task_event WHERE invocation = ? ORDER BY number;

-- name: task_notes
SELECT request_id, at, kind, detail, body
FROM invocation CROSS JOIN task_note ON task_note.invocation = invocation.id
WHERE request_id = ? AND (kind = 'log') = ?
ORDER BY number;

-- name: insert_note
INSERT INTO task_note (invocation, at, kind, detail, body)
SELECT id, ?, ?, ?, ? FROM invocation WHERE request_id = ? AND task_mode;

-- name: filter
-- The plus keeps SQLite from reading a list in the order of the task ids.
+task_id >= :prefix AND +task_id < :prefix || char(0x10FFFF)
AND (:function IS NULL OR function = :function)
AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
AND (:qualifier IS NULL OR qualifier = :qualifier)
AND (:error IS NULL OR error = :error OR failure_type = :error)
AND (:started_from IS NULL OR coalesce(started_at, accepted_at) >= :started_from)
AND (:started_to IS NULL OR coalesce(started_at, accepted_at) <= :started_to);

-- name: shown
invocation.id, {columns},
CASE WHEN :with_payload THEN return_payload END,
CASE WHEN :with_payload THEN (SELECT body FROM payload WHERE payload.id = invocation.id) END;

-- name: page
{filter}
AND (accepted_at, request_id) {before} (:accepted_at, :request_id)
AND accepted_at BETWEEN :accepted_from AND :accepted_to
ORDER BY accepted_at {order}, request_id {order}
LIMIT :limit;

-- name: tasks
-- {by} is what the list is read by, see searching.py; the other conditions are checked row by row.
SELECT {shown} FROM invocation {index} WHERE {by} AND {page};

-- name: sorted_tasks
-- For a list that is not read in its order: sorting ids takes half of the time of sorting rows.
SELECT {shown} FROM invocation
WHERE id IN (SELECT id FROM invocation WHERE {by} AND {page})
ORDER BY accepted_at {order}, request_id {order};

-- name: count_tasks
-- The latest ones that match, by status.
SELECT status, count(*) FROM (
    SELECT status FROM invocation {index}
    WHERE {by} AND accepted_at BETWEEN :accepted_from AND :accepted_to AND {filter}
    ORDER BY accepted_at DESC
    LIMIT :most
)
GROUP BY status;

-- name: count_in_status
-- Reads nothing but the index.
SELECT count(*) FROM (
    SELECT 1 FROM invocation
    WHERE
        task_mode AND function = :function AND status = :status
        AND +task_id >= :prefix AND +task_id < :prefix || char(0x10FFFF)
        AND (:qualifier IS NULL OR qualifier = :qualifier)
        AND accepted_at BETWEEN :accepted_from AND :accepted_to
    LIMIT :most
);

-- name: functions
-- One search of the index for each function, not one step for each invocation.
WITH RECURSIVE function (name) AS (
    SELECT min(function) FROM invocation
    UNION ALL
    SELECT (SELECT min(function) FROM invocation WHERE function > function.name)
    FROM function WHERE function.name IS NOT NULL
)
SELECT name FROM function WHERE name IS NOT NULL;

-- name: count_with_prefix
-- Reads nothing but the index, so it has invocations that are not in task mode, too.
SELECT count(*) FROM (
    SELECT 1 FROM invocation
    WHERE function = :function AND task_id >= :prefix AND task_id < :prefix || char(0x10FFFF)
    LIMIT :most
);

-- name: oldest_error
-- Where a search in the texts of the latest errors ends. Otherwise SQLite reads all tasks.
SELECT accepted_at FROM invocation INDEXED BY task_message
WHERE task_mode AND failure <> ''
ORDER BY accepted_at DESC, request_id DESC
LIMIT 1 OFFSET ?;

-- name: begin
UPDATE invocation
SET
    status = 'Running', instance_id = json_extract(given.value, '$.instance_id'),
    started_at = coalesce(started_at, json_extract(given.value, '$.now'))
FROM json_each(?) AS given
WHERE
    request_id = json_extract(given.value, '$.key') AND epoch = json_extract(given.value, '$.epoch')
    AND lease_until IS NOT NULL AND status = 'Dequeued'
RETURNING id, request_id, epoch, task_mode;

-- name: status_of
SELECT request_id, epoch, status FROM invocation
WHERE
    request_id IN (SELECT json_extract(value, '$.key') FROM json_each(?))
    AND lease_until IS NOT NULL;

-- name: holders
-- One row for all, since each row of a result is a step more: a list of what Holder holds.
SELECT json_group_array(json_array(request_id, id, epoch, function, status, task_mode)) FROM invocation
WHERE request_id IN (SELECT value FROM json_each(?)) AND lease_until IS NOT NULL;

-- name: prolong
UPDATE invocation SET lease_until = :until
FROM json_each(:leases) AS lease
WHERE
    request_id = json_extract(lease.value, '$.key') AND epoch = json_extract(lease.value, '$.epoch')
    AND lease_until IS NOT NULL
RETURNING request_id, status;

-- name: replace_invocation
UPDATE invocation SET {changes} WHERE id = ?;

-- name: make_due
UPDATE invocation SET due_at = min(due_at, ?)
WHERE function = ? AND task_id = ? AND task_mode AND status IN ('Enqueued', 'Retrying');

-- name: next_due
SELECT min(ready_at) FROM invocation WHERE ready_at IS NOT NULL;

-- name: add_to_tally
INSERT INTO tally (function, task_mode, status, number) VALUES (?, ?, ?, ?)
ON CONFLICT (function, task_mode, status) DO UPDATE SET number = number + excluded.number;

-- name: tally
SELECT status, sum(number) FROM tally GROUP BY status HAVING sum(number) > 0;

-- name: tally_of_tasks
SELECT status, sum(number) FROM tally
WHERE
    (:function IS NULL OR function = :function) AND task_mode
    AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
GROUP BY status;

-- name: oldest_due
SELECT due_at FROM invocation
WHERE ready_at IS NOT NULL AND status IN ('Enqueued', 'Retrying')
ORDER BY ready_at
LIMIT 1;

-- name: ended
SELECT request_id, id, epoch, function, status, task_mode FROM invocation
WHERE ended_at < ? AND status IN ('Succeeded', 'Failed', 'Stopped', 'Expired', 'Invalid')
LIMIT ?;

-- name: delete_events
DELETE FROM task_event WHERE invocation IN (SELECT value FROM json_each(?));

-- name: delete_notes
DELETE FROM task_note WHERE invocation IN (SELECT value FROM json_each(?));

-- name: delete_payloads
DELETE FROM payload WHERE id IN (SELECT value FROM json_each(?));

-- name: delete_invocations
DELETE FROM invocation WHERE id IN (SELECT value FROM json_each(?));

-- name: count
INSERT INTO metric (metric, function, minute, value, number, largest) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (metric, function, minute) DO UPDATE SET
    value = value + excluded.value, number = number + excluded.number,
    largest = max(largest, excluded.largest);

-- name: metrics
SELECT
    metric, function, minute - minute % :step AS at, sum(value), sum(number), max(largest)
FROM metric
WHERE minute >= :start AND minute < :end AND (:function IS NULL OR function = :function)
GROUP BY metric, function, at
ORDER BY metric, function, at;

-- name: metrics_by_name
SELECT
    metric, function, minute - minute % :step AS at, sum(value), sum(number), max(largest)
FROM metric
WHERE
    metric IN (SELECT value FROM json_each(:metrics))
    AND minute >= :start AND minute < :end AND (:function IS NULL OR function = :function)
GROUP BY metric, function, at
ORDER BY metric, function, at;

-- name: prune_metrics
-- The minute -1 is where the sums of all pruned ones are.
DELETE FROM metric WHERE (metric, function, minute) IN (
    SELECT metric, function, minute FROM metric WHERE minute < ? AND minute <> -1 LIMIT ?
)
RETURNING metric, function, value, number, largest;

-- name: new_job
INSERT INTO job ({job}) VALUES ({job_row});

-- name: insert_job
{new_job}
ON CONFLICT (key) DO UPDATE SET
    kind = excluded.kind, scope = excluded.scope, created_at = excluded.created_at,
    due_at = excluded.due_at, tries = excluded.tries, state = excluded.state,
    error = excluded.error, lease_until = excluded.lease_until, lease_owner = excluded.lease_owner,
    payload = excluded.payload;

-- name: ensure_job
{new_job}
ON CONFLICT (key) DO NOTHING;

-- name: any_job
SELECT EXISTS (SELECT 1 FROM job WHERE key IN (SELECT value FROM json_each(?)));

-- name: due_jobs
SELECT {job}
FROM job
WHERE kind = ? AND ready_at <= ?
ORDER BY ready_at, id
LIMIT ?;

-- name: take_jobs
UPDATE job SET epoch = epoch + 1, lease_until = :until, lease_owner = :owner
WHERE key IN (SELECT value FROM json_each(:keys));

-- name: prolong_jobs
UPDATE job SET lease_until = :until
FROM json_each(:leases) AS lease
WHERE
    job.key = json_extract(lease.value, '$.key') AND epoch = json_extract(lease.value, '$.epoch')
    AND lease_until IS NOT NULL;

-- name: settle_job
UPDATE job
SET due_at = ?, tries = ?, state = ?, error = ?, lease_until = NULL, lease_owner = ''
WHERE key = ? AND epoch = ? AND lease_until IS NOT NULL;

-- name: finish_jobs
DELETE FROM job
WHERE
    (key, epoch) IN (
        SELECT json_extract(value, '$.key'), json_extract(value, '$.epoch') FROM json_each(?)
    )
    AND lease_until IS NOT NULL
RETURNING key, epoch;

-- name: show_destination
UPDATE invocation SET destination_status = ? WHERE request_id = ?;

-- name: release_jobs
UPDATE job
SET due_at = min(due_at, ?), lease_until = NULL, lease_owner = ''
WHERE lease_owner = ? AND lease_until IS NOT NULL;

-- name: next_job_due
SELECT min(ready_at) FROM job WHERE kind = ? AND ready_at IS NOT NULL;

-- name: jobs_of_kind
SELECT count(*) FROM job WHERE kind = ? AND ready_at IS NOT NULL;

-- name: jobs_of_scope
SELECT count(*) FROM job WHERE kind = ? AND scope = ? AND state = 'pending';

-- name: jobs_dead
SELECT count(*) FROM job WHERE state = 'dead';

-- name: dead_jobs
SELECT {job}
FROM job
WHERE state = 'dead' AND (created_at, key) < (?, ?)
ORDER BY created_at DESC, key DESC
LIMIT ?;

-- name: redrive
UPDATE job SET state = 'pending', due_at = ?, tries = 0 WHERE key = ? AND state = 'dead';

-- name: discard_dead
DELETE FROM job WHERE key = ? AND state = 'dead';

-- name: revision
SELECT revision FROM document_revision;

-- name: next_revision
UPDATE document_revision SET revision = revision + 1 RETURNING revision;

-- name: documents
SELECT kind, key, body FROM document ORDER BY kind, key;

-- name: document_exists
SELECT EXISTS (SELECT 1 FROM document WHERE kind = ? AND key = ?);

-- name: put_document
INSERT INTO document (kind, key, body) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body;

-- name: delete_document
DELETE FROM document WHERE kind = ? AND key = ?;

-- name: use_blob
INSERT INTO blob_use (key, used_at) VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET used_at = max(blob_use.used_at, excluded.used_at);

-- name: put_blob
INSERT INTO blob (key, data) VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET data = excluded.data WHERE blob.data <> excluded.data;

-- name: blobs_in_use
UPDATE blob_use SET used_at = max(used_at, ?) WHERE key IN (SELECT value FROM json_each(?));

-- name: end_use
DELETE FROM blob_use WHERE key = (SELECT key FROM blob_use WHERE used_at < ? LIMIT 1)
RETURNING key;

-- name: delete_blob
DELETE FROM blob WHERE key = ?;

-- name: get_blob
SELECT data FROM blob WHERE key = ?;
