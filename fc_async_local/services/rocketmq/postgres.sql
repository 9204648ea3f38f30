-- SPDX-License-Identifier: MIT
-- Locks are taken in one order: the topic, then the group.

-- name: lock_topic
-- A log must become visible in the order of its numbers: a group that reads past a number which is
-- not committed yet would never come back to it. Who appends to a topic takes turns.
SELECT pg_advisory_xact_lock(hashtext('fc_async.rocketmq'), hashtext(%(topic)s));

-- name: append
INSERT INTO rocketmq_message (topic, joined_at, outline, message)
VALUES (%(topic)s, %(published_at)s, %(outline)s, %(message)s);

-- name: delay
INSERT INTO rocketmq_delayed (topic, deliver_at, outline, message)
VALUES (%(topic)s, %(deliver_at)s, %(outline)s, %(message)s);

-- name: has_due_delayed
SELECT EXISTS (
    SELECT 1 FROM rocketmq_delayed WHERE topic = %(topic)s AND deliver_at <= %(now)s
);

-- name: surface
WITH due AS (
    DELETE FROM rocketmq_delayed WHERE topic = %(topic)s AND deliver_at <= %(now)s
    RETURNING topic, deliver_at, outline, message, arrival
)
INSERT INTO rocketmq_message (topic, joined_at, outline, message)
SELECT topic, deliver_at, outline, message FROM due ORDER BY deliver_at, arrival;

-- name: expire
DELETE FROM rocketmq_message WHERE sequence IN (
    SELECT sequence FROM rocketmq_message
    WHERE topic = %(topic)s AND joined_at <= %(before)s
    ORDER BY sequence
    FOR UPDATE SKIP LOCKED
);

-- name: add_group
INSERT INTO rocketmq_group (topic, name, position) VALUES (%(topic)s, %(name)s, 0)
ON CONFLICT (topic, name) DO NOTHING;

-- name: lock_group
SELECT position FROM rocketmq_group WHERE topic = %(topic)s AND name = %(name)s FOR UPDATE;

-- name: move
UPDATE rocketmq_group SET position = %(position)s WHERE topic = %(topic)s AND name = %(name)s;

-- name: fresh
SELECT sequence, outline FROM rocketmq_message
WHERE topic = %(topic)s AND sequence > %(after)s
ORDER BY sequence LIMIT %(limit)s;

-- name: due
SELECT p.sequence, m.outline, p.consumed, p.next_at, p.first_at, p.claims
FROM rocketmq_pending p JOIN rocketmq_message m ON m.sequence = p.sequence
WHERE p.topic = %(topic)s AND p.name = %(name)s AND p.next_at <= %(now)s
ORDER BY p.sequence LIMIT %(limit)s;

-- name: pending
SELECT p.sequence, m.outline, p.consumed, p.next_at, p.first_at, p.claims
FROM rocketmq_pending p JOIN rocketmq_message m ON m.sequence = p.sequence
WHERE p.topic = %(topic)s AND p.name = %(name)s
ORDER BY p.sequence;

-- name: some
SELECT p.sequence, m.message, p.consumed, p.next_at, p.first_at, p.claims
FROM rocketmq_pending p JOIN rocketmq_message m ON m.sequence = p.sequence
WHERE p.topic = %(topic)s AND p.name = %(name)s AND p.sequence = ANY (%(sequences)s)
ORDER BY p.sequence;

-- name: hold_messages
SELECT sequence FROM rocketmq_message WHERE sequence = ANY (%(sequences)s)
ORDER BY sequence
FOR KEY SHARE;

-- name: messages
SELECT sequence, message FROM rocketmq_message WHERE sequence = ANY (%(sequences)s);

-- name: put
INSERT INTO rocketmq_pending (topic, name, sequence, consumed, next_at, first_at, claims)
SELECT %(topic)s, %(name)s, *
FROM unnest(
    %(sequences)s::bigint[], %(consumed)s::bigint[], %(next)s::bigint[], %(first)s::bigint[],
    %(claims)s::bigint[]
)
ON CONFLICT (topic, name, sequence) DO UPDATE
SET consumed = excluded.consumed, next_at = excluded.next_at, first_at = excluded.first_at,
    claims = excluded.claims;

-- name: drop_pending
DELETE FROM rocketmq_pending
WHERE topic = %(topic)s AND name = %(name)s AND sequence = ANY (%(sequences)s);

-- name: moments
SELECT
    (SELECT min(next_at) FROM rocketmq_pending
     WHERE topic = %(topic)s AND name = %(name)s AND next_at > %(now)s),
    (SELECT min(deliver_at) FROM rocketmq_delayed WHERE topic = %(topic)s);

-- name: forget_pending
DELETE FROM rocketmq_pending WHERE topic = %(topic)s;

-- name: forget_groups
DELETE FROM rocketmq_group WHERE topic = %(topic)s;

-- name: forget_delayed
DELETE FROM rocketmq_delayed WHERE topic = %(topic)s;

-- name: forget_messages
DELETE FROM rocketmq_message WHERE topic = %(topic)s;
