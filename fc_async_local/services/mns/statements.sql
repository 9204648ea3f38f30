-- SPDX-License-Identifier: MIT
-- Columns come in the order of the fields: {columns} are the message's.

-- name: columns
sequence, message_id, body, priority, enqueued_at, visible_at, first_dequeued_at, dequeue_count,
claims, extra

-- name: get_queue
SELECT name, attributes, created_at, modified_at FROM mns_queue WHERE name = :name;

-- name: hold_queue
-- The file has one writer.
{get_queue};

-- name: list_queues
SELECT name, attributes, created_at, modified_at FROM mns_queue
WHERE name > :after AND substr(name, 1, length(:prefix)) = :prefix
ORDER BY name LIMIT :limit;

-- name: put_queue
INSERT INTO mns_queue (name, attributes, created_at, modified_at)
VALUES (:name, :attributes, :created_at, :modified_at)
ON CONFLICT (name) DO NOTHING;

-- name: change_queue
UPDATE mns_queue SET attributes = :attributes, modified_at = :now WHERE name = :name;

-- name: delete_queue
DELETE FROM mns_queue WHERE name = :name;

-- name: put_message
INSERT INTO mns_message (queue, message_id, body, priority, enqueued_at, visible_at,
                         first_dequeued_at, dequeue_count, claims, extra, ready)
VALUES (:queue, :message_id, :body, :priority, :now, :visible_at,
        NULL, 0, 0, :extra, :visible_at <= :now)
RETURNING sequence;

-- name: expire
DELETE FROM mns_message WHERE queue = :queue AND enqueued_at <= :kept_since;

-- name: surface
UPDATE mns_message SET ready = 1 WHERE queue = :queue AND ready = 0 AND visible_at <= :now;

-- name: ready
SELECT {columns} FROM mns_message
WHERE queue = :queue AND ready = 1
ORDER BY priority, sequence LIMIT :limit;

-- name: visible
SELECT {columns} FROM mns_message
WHERE queue = :queue AND visible_at <= :now AND enqueued_at > :kept_since
ORDER BY priority, sequence LIMIT :limit;

-- name: next_visible
SELECT min(visible_at) FROM mns_message WHERE queue = :queue AND ready = 0;

-- name: some
SELECT {columns} FROM mns_message
-- The plus keeps SQLite from walking through the whole queue: the sequences are few.
WHERE +queue = :queue AND +enqueued_at > :kept_since
  AND sequence IN (SELECT value FROM json_each(:sequences));

-- name: change_message
UPDATE mns_message
SET visible_at = :visible_at, first_dequeued_at = :first_dequeued_at,
    dequeue_count = :dequeue_count, claims = :claims, ready = 0
WHERE sequence = :sequence;

-- name: delete_messages
DELETE FROM mns_message WHERE sequence IN (SELECT value FROM json_each(:sequences));

-- name: purge
DELETE FROM mns_message WHERE queue = :queue;

-- name: counts
SELECT count(*) FILTER (WHERE visible_at <= :now),
       count(*) FILTER (WHERE visible_at > :now AND dequeue_count > 0),
       count(*) FILTER (WHERE visible_at > :now AND dequeue_count = 0)
FROM mns_message
WHERE queue = :queue AND enqueued_at > :kept_since;
