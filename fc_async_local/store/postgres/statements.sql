-- {columns}, {changes} and {job} come from the fields of the records, see rows.py.
-- {before} and {order} are "<" and "DESC", or ">" and "ASC"; other names in braces are those of earlier
-- statements.

-- name: create_schema
CREATE SCHEMA IF NOT EXISTS fc_async;

-- name: lock_migrations
SELECT pg_advisory_xact_lock(hashtext('fc_async'));

-- name: take_your_time
SET LOCAL statement_timeout = 0;

-- name: create_versions
CREATE TABLE IF NOT EXISTS schema_version (component text PRIMARY KEY, version integer NOT NULL);

-- name: versions
SELECT component, version FROM schema_version;

-- name: set_version
INSERT INTO schema_version (component, version) VALUES (%s, %s)
ON CONFLICT (component) DO UPDATE SET version = excluded.version;

-- name: listen
LISTEN fc_async;

-- name: notify
SELECT pg_notify('fc_async', hint) FROM unnest(%s::text[]) AS hint;

-- name: commit_without_flush
SET LOCAL synchronous_commit TO off;

-- name: accept
WITH given AS (
    SELECT *
    FROM ROWS FROM (
        json_populate_recordset(NULL::invocation, %s::json), unnest(%b::bytea[])
    ) WITH ORDINALITY
), kept AS (
    INSERT INTO invocation ({columns}, return_payload)
    SELECT {columns}, return_payload FROM given ORDER BY ordinality
    ON CONFLICT DO NOTHING
    RETURNING id, request_id, task_mode, accepted_at
), kept_payload AS (
    INSERT INTO payload (id, body)
    SELECT kept.id, unnest FROM kept JOIN given USING (request_id)
), kept_event AS (
    INSERT INTO task_event (invocation, status, at, detail)
    SELECT id, 'Enqueued', accepted_at, '{}' FROM kept WHERE task_mode
), counted AS (
    INSERT INTO metric (metric, function, minute, source, value, number, largest)
    SELECT
        counts.metric, counts.function, counts.minute, %s, sum(counts.value)::bigint,
        sum(counts.number)::bigint, max(counts.largest)
    FROM json_to_recordset(%s::json)
    AS counts (
        place bigint, metric text, function text, minute bigint, value bigint, number bigint,
        largest bigint
    )
    JOIN given ON given.ordinality = counts.place
    JOIN kept USING (request_id)
    GROUP BY counts.metric, counts.function, counts.minute
    ORDER BY counts.metric, counts.function, counts.minute
    ON CONFLICT (minute, metric, function, source) DO UPDATE SET
        value = metric.value + excluded.value, number = metric.number + excluded.number,
        largest = greatest(metric.largest, excluded.largest)
)
SELECT request_id FROM kept;

-- name: insert_events
INSERT INTO task_event (invocation, status, at, detail)
SELECT invocation, status, at, detail
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[])
WITH ORDINALITY AS given (invocation, status, at, detail, place)
ORDER BY place;

-- name: due
SELECT invocation.id, {columns}, return_payload, payload.body
FROM invocation JOIN payload ON payload.id = invocation.id
WHERE ready_at <= %s AND (ready_at <= %s OR (lease_until IS NULL AND NOT task_mode))
ORDER BY ready_at, invocation.id
LIMIT %s
FOR UPDATE OF invocation SKIP LOCKED;

-- name: held
SELECT invocation.id, {columns}, return_payload, NULL
FROM invocation
WHERE lease_owner = %s AND lease_until IS NOT NULL
ORDER BY id
FOR UPDATE;

-- name: upcoming
SELECT invocation.id, {columns}, return_payload, NULL
FROM invocation
WHERE ready_at IS NOT NULL
ORDER BY ready_at
LIMIT %s;

-- name: waiting
-- See steps.waiting_class: by what they wait for, when they can be claimed at the latest.
SELECT class, count(*), max(ready_at) FROM (
    SELECT
        ready_at,
        CASE
            WHEN lease_owner = '(paused)' THEN 'paused'
            WHEN system_retries > 0 THEN 'throttled'
            WHEN due_at <= %(now)s::bigint THEN 'due'
            WHEN attempts > 0 THEN 'errors'
            WHEN substr(payload.body, 1, %(length)s::int) = %(hop)s::bytea THEN 'hops'
            ELSE 'delayed'
        END AS class
    FROM invocation JOIN payload ON payload.id = invocation.id
    WHERE
        ready_at IS NOT NULL AND lease_until IS NULL AND function = %(function)s::text
        AND status IN ('Enqueued', 'Retrying')
    ORDER BY ready_at
    LIMIT %(most)s::bigint
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
    due_at = %(now)s::bigint + first.place * %(spread)s::bigint / %(number)s::bigint, lease_owner = ''
FROM (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM invocation
    WHERE
        function = %(function)s::text AND lease_owner = '(paused)' AND lease_until IS NULL
    ORDER BY id
    LIMIT %(number)s::bigint
) AS first
WHERE
    invocation.id = first.id AND invocation.lease_owner = '(paused)'
    AND invocation.lease_until IS NULL;

-- name: task
SELECT invocation.id, {columns}, return_payload, payload.body
FROM invocation JOIN payload ON payload.id = invocation.id
WHERE function = %s AND task_id = %s AND task_mode;

-- name: task_for_update
{task}
FOR UPDATE OF invocation;

-- name: task_events
SELECT status, at, detail FROM task_event WHERE invocation = %s ORDER BY number;

-- name: task_notes
SELECT request_id, at, kind, detail, body
FROM task_note JOIN invocation ON invocation.id = task_note.invocation
WHERE request_id = %s AND (kind = 'log') = %s
ORDER BY number;

-- name: insert_note
INSERT INTO task_note (invocation, at, kind, detail, body)
SELECT id, %s, %s, %s, %s FROM invocation WHERE request_id = %s AND task_mode;

-- name: filter
(%(qualifier)s::text IS NULL OR qualifier = %(qualifier)s::text)
AND task_id >= %(prefix)s::text AND task_id < %(prefix)s::text || U&'\+10FFFF'
AND (
    %(started_from)s::bigint IS NULL
    OR coalesce(started_at, accepted_at) >= %(started_from)s::bigint
)
AND (
    %(started_to)s::bigint IS NULL
    OR coalesce(started_at, accepted_at) <= %(started_to)s::bigint
)
AND accepted_at BETWEEN %(accepted_from)s::bigint AND %(accepted_to)s::bigint
AND (
    %(error)s::text IS NULL OR error = %(error)s::text
    OR (failure <> '' AND failure_type = %(error)s::text)
)
AND (
    %(pattern)s::text IS NULL
    OR (
        failure <> ''
        AND lower(failure COLLATE "C") LIKE lower(%(pattern)s::text COLLATE "C")
        AND NOT (task_id >= %(text)s::text AND task_id < %(text)s::text || U&'\+10FFFF')
    )
);

-- name: has_status
(
    %(statuses)s::text IS NULL
    OR status IN (SELECT json_array_elements_text(%(statuses)s::text::json))
);

-- name: list
SELECT
    invocation.id, {columns},
    CASE WHEN %(with_payload)s::boolean THEN return_payload END,
    CASE
        WHEN %(with_payload)s::boolean
        THEN (SELECT body FROM payload WHERE payload.id = invocation.id)
    END
FROM invocation
WHERE
    task_mode
    AND (accepted_at, request_id) {before} (%(accepted_at)s::bigint, %(request_id)s::text)
    AND {filter};

-- name: list_order
ORDER BY accepted_at {order}, request_id {order}
LIMIT %(limit)s;

-- name: tasks
{list}
{list_order};

-- name: tasks_of_function
{list}
AND function = %(function)s::text
{list_order};

-- name: tasks_in_status
{list}
AND function = %(function)s::text
AND status = %(status)s::text
{list_order};

-- name: count_in_status
-- Reads nothing but an index, up to a number of entries for each function and status.
SELECT status, sum(counted.number)::bigint
FROM
    (SELECT DISTINCT function, status FROM tally WHERE task_mode AND number > 0) AS kept,
    LATERAL (
        SELECT count(*) AS number FROM (
            SELECT 1 FROM invocation
            WHERE
                task_mode AND invocation.function = kept.function
                AND invocation.status = kept.status
                AND accepted_at BETWEEN %(accepted_from)s::bigint AND %(accepted_to)s::bigint
                AND task_id >= %(prefix)s::text AND task_id < %(prefix)s::text || U&'\+10FFFF'
                AND (%(qualifier)s::text IS NULL OR qualifier = %(qualifier)s::text)
            LIMIT %(most)s
        ) AS found
    ) AS counted
WHERE
    (%(function)s::text IS NULL OR function = %(function)s::text)
    AND {has_status}
GROUP BY status;

-- name: count_tasks
SELECT status, count(*) FROM (
    SELECT status FROM invocation
    WHERE
        task_mode
        AND (%(function)s::text IS NULL OR function = %(function)s::text)
        AND {has_status}
        AND {filter}
    ORDER BY accepted_at DESC
    LIMIT %(most)s
) AS latest
GROUP BY status;

-- name: oldest_error
-- Where a search in the texts of the latest errors ends.
SELECT accepted_at FROM invocation
WHERE task_mode AND failure <> ''
ORDER BY accepted_at DESC, request_id DESC
LIMIT 1 OFFSET %s;

-- name: begin
WITH held AS (
    SELECT id, now, given.instance_id
    FROM invocation
    JOIN json_to_recordset(%s::json)
    AS given (key text, epoch bigint, now bigint, instance_id text)
    ON given.key = request_id AND given.epoch = invocation.epoch
    WHERE lease_until IS NOT NULL AND status = 'Dequeued'
    ORDER BY id
    FOR UPDATE OF invocation
)
UPDATE invocation
SET status = 'Running', instance_id = held.instance_id, started_at = coalesce(started_at, now)
FROM held
WHERE invocation.id = held.id
RETURNING invocation.id, request_id, epoch, task_mode;

-- name: status_of
SELECT request_id, epoch, status FROM invocation
WHERE
    request_id = ANY (ARRAY(SELECT lease ->> 'key' FROM json_array_elements(%s::json) AS lease))
    AND lease_until IS NOT NULL;

-- name: holders
SELECT
    coalesce(json_agg(json_build_array(request_id, id, epoch, function, status, task_mode)), '[]')::text
FROM (
    SELECT request_id, id, epoch, function, status, task_mode
    FROM invocation
    WHERE
        request_id = ANY (ARRAY(SELECT json_array_elements_text(%s::json)))
        AND lease_until IS NOT NULL
    ORDER BY id
    FOR UPDATE
) AS held;

-- name: prolong
WITH held AS (
    SELECT id
    FROM invocation
    JOIN json_to_recordset(%(leases)s::json) AS lease (key text, epoch bigint)
    ON lease.key = request_id AND lease.epoch = invocation.epoch
    WHERE lease_until IS NOT NULL
    ORDER BY id
    FOR UPDATE OF invocation
)
UPDATE invocation SET lease_until = %(until)s::bigint FROM held
WHERE invocation.id = held.id
RETURNING request_id, status;

-- name: replace_invocations
UPDATE invocation SET {changes}
FROM json_populate_recordset(NULL::invocation, %s::json) AS given
WHERE invocation.id = given.id;

-- name: forget
WITH forgotten AS (
    DELETE FROM invocation WHERE id = ANY (%s::bigint[]) RETURNING id
)
DELETE FROM payload USING forgotten WHERE payload.id = forgotten.id;

-- name: make_due
UPDATE invocation SET due_at = least(due_at, %s)
WHERE function = %s AND task_id = %s AND task_mode AND status IN ('Enqueued', 'Retrying');

-- name: next_due
SELECT min(ready_at) FROM invocation WHERE ready_at IS NOT NULL;

-- name: tally
SELECT status, sum(number)::bigint FROM tally GROUP BY status HAVING sum(number) > 0;

-- name: functions_in
-- Functions that have tasks in the statuses asked for, each with such a status.
SELECT DISTINCT function, status FROM tally
WHERE
    task_mode AND number > 0
    AND (%(function)s::text IS NULL OR function = %(function)s::text)
    AND status IN (SELECT json_array_elements_text(%(statuses)s::text::json));

-- name: tally_of_tasks
SELECT status, sum(number)::bigint FROM tally
WHERE
    (%(function)s::text IS NULL OR function = %(function)s::text) AND task_mode
    AND {has_status}
GROUP BY status;

-- name: oldest_due
SELECT due_at FROM invocation
WHERE ready_at IS NOT NULL AND status IN ('Enqueued', 'Retrying')
ORDER BY ready_at
LIMIT 1;

-- name: ended
SELECT request_id, id, epoch, function, status, task_mode FROM invocation
WHERE ended_at < %s AND status IN ('Succeeded', 'Failed', 'Stopped', 'Expired', 'Invalid')
ORDER BY id
LIMIT %s
FOR UPDATE SKIP LOCKED;

-- name: delete_events
DELETE FROM task_event
WHERE invocation = ANY (ARRAY(SELECT json_array_elements_text(%s::json)::bigint));

-- name: delete_notes
DELETE FROM task_note
WHERE invocation = ANY (ARRAY(SELECT json_array_elements_text(%s::json)::bigint));

-- name: count
INSERT INTO metric (metric, function, minute, source, value, number, largest)
SELECT metric, function, minute, source, value, number, largest
FROM unnest(
    %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[]
)
WITH ORDINALITY AS given (metric, function, minute, value, number, largest, source, place)
ORDER BY place
ON CONFLICT (minute, metric, function, source) DO UPDATE SET
    value = metric.value + excluded.value, number = metric.number + excluded.number,
    largest = greatest(metric.largest, excluded.largest);

-- name: metrics
SELECT
    metric COLLATE "C" AS metric, function COLLATE "C" AS function,
    minute - minute %% %(step)s::bigint AS at, sum(value)::bigint, sum(number)::bigint,
    max(largest)::bigint
FROM metric
WHERE
    minute >= %(start)s::bigint AND minute < %(end)s::bigint
    AND (%(function)s::text IS NULL OR function = %(function)s::text)
    AND (
        %(metrics)s::text IS NULL
        OR metric IN (SELECT json_array_elements_text(%(metrics)s::text::json))
    )
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- name: metrics_by_name
{metrics};

-- name: prune_metrics
-- The minute -1 is where the sums of all pruned ones are.
WITH old AS (
    SELECT ctid FROM metric WHERE minute < %s AND minute <> -1 LIMIT %s
)
DELETE FROM metric USING old WHERE metric.ctid = old.ctid
RETURNING metric, function, value, number, largest;

-- name: new_jobs
INSERT INTO job ({job})
SELECT {job} FROM json_populate_recordset(NULL::job, %s::json) WITH ORDINALITY
ORDER BY ordinality;

-- name: insert_jobs
{new_jobs}
ON CONFLICT (key) DO UPDATE SET
    kind = excluded.kind, scope = excluded.scope, created_at = excluded.created_at,
    due_at = excluded.due_at, tries = excluded.tries, state = excluded.state,
    error = excluded.error, lease_until = excluded.lease_until, lease_owner = excluded.lease_owner,
    payload = excluded.payload;

-- name: ensure_jobs
{new_jobs}
ON CONFLICT (key) DO NOTHING;

-- name: any_job
SELECT EXISTS (
    SELECT 1 FROM job WHERE key = ANY (ARRAY(SELECT json_array_elements_text(%s::json)))
);

-- name: due_jobs
SELECT {job}
FROM job
WHERE kind = %s AND ready_at <= %s
ORDER BY ready_at, id
LIMIT %s
FOR UPDATE SKIP LOCKED;

-- name: take_jobs
UPDATE job SET epoch = epoch + 1, lease_until = %(until)s::bigint, lease_owner = %(owner)s::text
WHERE key = ANY (ARRAY(SELECT json_array_elements_text(%(keys)s::json)));

-- name: prolong_jobs
WITH held AS (
    SELECT id
    FROM job
    JOIN json_to_recordset(%(leases)s::json) AS lease (key text, epoch bigint)
    ON lease.key = job.key AND lease.epoch = job.epoch
    WHERE lease_until IS NOT NULL
    ORDER BY id
    FOR UPDATE OF job
)
UPDATE job SET lease_until = %(until)s::bigint FROM held WHERE job.id = held.id;

-- name: settle_job
UPDATE job
SET due_at = %s, tries = %s, state = %s, error = %s, lease_until = NULL, lease_owner = ''
WHERE key = %s AND epoch = %s AND lease_until IS NOT NULL;

-- name: finish_jobs
WITH held AS (
    SELECT id
    FROM job
    JOIN json_to_recordset(%s::json) AS lease (key text, epoch bigint)
    ON lease.key = job.key AND lease.epoch = job.epoch
    WHERE lease_until IS NOT NULL
    ORDER BY id
    FOR UPDATE OF job
)
DELETE FROM job USING held WHERE job.id = held.id
RETURNING key, epoch;

-- name: show_destination
UPDATE invocation SET destination_status = %s WHERE request_id = %s;

-- name: release_jobs
UPDATE job
SET due_at = least(due_at, %s), lease_until = NULL, lease_owner = ''
WHERE lease_owner = %s AND lease_until IS NOT NULL;

-- name: next_job_due
SELECT min(ready_at) FROM job WHERE kind = %s AND ready_at IS NOT NULL;

-- name: jobs_of_kind
SELECT count(*) FROM job WHERE kind = %s AND ready_at IS NOT NULL;

-- name: jobs_of_scope
SELECT count(*) FROM job WHERE kind = %s AND scope = %s AND state = 'pending';

-- name: jobs_dead
SELECT count(*) FROM job WHERE state = 'dead';

-- name: dead_jobs
SELECT {job}
FROM job
WHERE state = 'dead' AND (created_at, key) < (%s, %s)
ORDER BY created_at DESC, key DESC
LIMIT %s;

-- name: redrive
UPDATE job SET state = 'pending', due_at = %s, tries = 0 WHERE key = %s AND state = 'dead';

-- name: discard_dead
DELETE FROM job WHERE key = %s AND state = 'dead';

-- name: one_view
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;

-- name: revision
SELECT revision FROM document_revision;

-- name: lock_documents
SELECT FROM document_revision FOR UPDATE;

-- name: next_revision
UPDATE document_revision SET revision = revision + 1 RETURNING revision;

-- name: documents
SELECT kind, key, body FROM document ORDER BY kind, key;

-- name: document_exists
SELECT EXISTS (SELECT 1 FROM document WHERE kind = %s AND key = %s);

-- name: put_document
INSERT INTO document (kind, key, body) VALUES (%s, %s, %s)
ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body;

-- name: delete_document
DELETE FROM document WHERE kind = %s AND key = %s;

-- name: use_blob
INSERT INTO blob_use (key, used_at) VALUES (%s, %s)
ON CONFLICT (key) DO UPDATE SET used_at = greatest(blob_use.used_at, excluded.used_at);

-- name: put_blob
INSERT INTO blob (key, data) VALUES (%s, %s)
ON CONFLICT (key) DO UPDATE SET data = excluded.data WHERE blob.data <> excluded.data;

-- name: blobs_in_use
UPDATE blob_use SET used_at = greatest(used_at, %s)
WHERE key IN (SELECT json_array_elements_text(%s::json));

-- name: end_use
DELETE FROM blob_use
WHERE key = (SELECT key FROM blob_use WHERE used_at < %s LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING key;

-- name: delete_blob
DELETE FROM blob WHERE key = %s;

-- name: get_blob
SELECT data FROM blob WHERE key = %s;
