-- SPDX-License-Identifier: MIT
-- Columns come in the order of the fields: {columns} are the message's.

-- name: columns
sequence, message_id, body, priority, enqueued_at, visible_at, first_dequeued_at, dequeue_count,
claims, extra

-- name: get_queue
SELECT name, attributes, created_at, modified_at FROM mns_queue WHERE name = %(name)s;

-- name: hold_queue
-- Who deletes the queue waits until what is sent to it is written.
SELECT name, attributes, created_at, modified_at FROM mns_queue WHERE name = %(name)s
FOR KEY SHARE;

-- name: list_queues
SELECT name, attributes, created_at, modified_at FROM mns_queue
WHERE name > %(after)s AND starts_with(name, %(prefix)s)
ORDER BY name LIMIT %(limit)s;

-- name: put_queue
INSERT INTO mns_queue (name, attributes, created_at, modified_at)
VALUES (%(name)s, %(attributes)s, %(created_at)s, %(modified_at)s)
ON CONFLICT (name) DO NOTHING;

-- name: change_queue
UPDATE mns_queue SET attributes = %(attributes)s, modified_at = %(now)s WHERE name = %(name)s;

-- name: delete_queue
DELETE FROM mns_queue WHERE name = %(name)s;

-- name: put_message
INSERT INTO mns_message (
    queue, message_id, body, priority, enqueued_at, visible_at, extra, ready
)
VALUES (
    %(queue)s, %(message_id)s, %(body)s, %(priority)s, %(now)s, %(visible_at)s, %(extra)s,
    %(visible_at)s <= %(now)s
)
RETURNING sequence;

-- name: expire
DELETE FROM mns_message WHERE sequence IN (
    SELECT sequence FROM mns_message WHERE queue = %(queue)s AND enqueued_at <= %(kept_since)s
    FOR UPDATE SKIP LOCKED
);

-- name: surface
UPDATE mns_message SET ready = true WHERE sequence IN (
    SELECT sequence FROM mns_message
    WHERE queue = %(queue)s AND NOT ready AND visible_at <= %(now)s
    FOR UPDATE SKIP LOCKED
);

-- name: ready
SELECT {columns} FROM mns_message
WHERE queue = %(queue)s AND ready AND enqueued_at > %(kept_since)s
ORDER BY priority, sequence LIMIT %(limit)s
FOR UPDATE SKIP LOCKED;

-- name: visible
SELECT {columns} FROM mns_message
WHERE queue = %(queue)s AND visible_at <= %(now)s AND enqueued_at > %(kept_since)s
ORDER BY priority, sequence LIMIT %(limit)s;

-- name: next_visible
SELECT min(visible_at) FROM mns_message WHERE queue = %(queue)s AND NOT ready;

-- name: some
SELECT {columns} FROM mns_message
WHERE
    sequence = ANY (ARRAY(SELECT json_array_elements_text(%(sequences)s::json)::bigint))
    AND queue = %(queue)s AND enqueued_at > %(kept_since)s
ORDER BY sequence
FOR UPDATE;

-- name: change_message
UPDATE mns_message
SET visible_at = %(visible_at)s, first_dequeued_at = %(first_dequeued_at)s,
    dequeue_count = %(dequeue_count)s, claims = %(claims)s, ready = false
WHERE sequence = %(sequence)s;

-- name: delete_messages
DELETE FROM mns_message
WHERE sequence = ANY (ARRAY(SELECT json_array_elements_text(%(sequences)s::json)::bigint));

-- name: purge
DELETE FROM mns_message WHERE queue = %(queue)s;

-- name: counts
SELECT count(*) FILTER (WHERE visible_at <= %(now)s),
       count(*) FILTER (WHERE visible_at > %(now)s AND dequeue_count > 0),
       count(*) FILTER (WHERE visible_at > %(now)s AND dequeue_count = 0)
FROM mns_message
WHERE queue = %(queue)s AND enqueued_at > %(kept_since)s;
