-- SPDX-License-Identifier: MIT
-- Locks are taken in one order: the topic, then the group.

-- name: lock_topic
-- A log must become visible in the order of its sequence: a group that reads past a message which is
-- not committed yet would never return to it. So one transaction at a time appends to a topic.
SELECT pg_advisory_xact_lock(hashtext('fc_async.rocketmq'), hashtext(%(topic)s));

-- name: append
INSERT INTO rocketmq_message (topic, joined_at, message)
VALUES (%(topic)s, %(published_at)s, %(message)s);

-- name: delay
INSERT INTO rocketmq_delayed (topic, deliver_at, message)
VALUES (%(topic)s, %(deliver_at)s, %(message)s);

-- name: has_due_delayed
SELECT EXISTS (
    SELECT 1 FROM rocketmq_delayed WHERE topic = %(topic)s AND deliver_at <= %(now)s
);

-- name: take_due
DELETE FROM rocketmq_delayed WHERE topic = %(topic)s AND deliver_at <= %(now)s
RETURNING deliver_at, arrival, message;

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

-- name: position
SELECT position FROM rocketmq_group WHERE topic = %(topic)s AND name = %(name)s;

-- name: move
UPDATE rocketmq_group SET position = %(position)s WHERE topic = %(topic)s AND name = %(name)s;

-- Messages that a group reads are locked, so that no other node deletes them before the commit.
-- Those that another node is deleting now are left out.

-- name: log
SELECT m.sequence, m.message FROM rocketmq_message m
WHERE m.topic = %(topic)s AND m.sequence > %(after)s
ORDER BY m.sequence LIMIT %(limit)s
FOR KEY SHARE OF m SKIP LOCKED;

-- name: pending_of_group
SELECT p.sequence, m.message, p.consumed, p.next_at, p.first_at, p.claims
FROM rocketmq_pending p JOIN rocketmq_message m ON m.sequence = p.sequence
WHERE p.topic = %(topic)s AND p.name = %(name)s;

-- name: due
{pending_of_group} AND p.next_at <= %(now)s
ORDER BY p.sequence LIMIT %(limit)s
FOR KEY SHARE OF m SKIP LOCKED;

-- name: pending
{pending_of_group}
ORDER BY p.sequence
FOR KEY SHARE OF m SKIP LOCKED;

-- name: find
{pending_of_group} AND p.sequence = %(sequence)s;

-- name: put
INSERT INTO rocketmq_pending (topic, name, sequence, consumed, next_at, first_at, claims)
VALUES (
    %(topic)s, %(name)s, %(sequence)s, %(consumed)s, %(next_at)s, %(first_at)s, %(claims)s
)
ON CONFLICT (topic, name, sequence) DO UPDATE
SET consumed = excluded.consumed, next_at = excluded.next_at, first_at = excluded.first_at,
    claims = excluded.claims;

-- name: drop_pending
DELETE FROM rocketmq_pending
WHERE topic = %(topic)s AND name = %(name)s AND sequence = %(sequence)s;

-- name: next_due
SELECT min(next_at) FROM rocketmq_pending
WHERE topic = %(topic)s AND name = %(name)s AND next_at > %(now)s;

-- name: next_delayed
SELECT min(deliver_at) FROM rocketmq_delayed WHERE topic = %(topic)s;

-- name: forget_pending
DELETE FROM rocketmq_pending WHERE topic = %(topic)s;

-- name: forget_groups
DELETE FROM rocketmq_group WHERE topic = %(topic)s;

-- name: forget_delayed
DELETE FROM rocketmq_delayed WHERE topic = %(topic)s;

-- name: forget_messages
DELETE FROM rocketmq_message WHERE topic = %(topic)s;
