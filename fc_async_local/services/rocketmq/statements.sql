-- SPDX-License-Identifier: MIT

-- name: append
INSERT INTO rocketmq_message (topic, published_at, message) VALUES (:topic, :published_at, :message);

-- name: delay
INSERT INTO rocketmq_delayed (topic, deliver_at, message) VALUES (:topic, :deliver_at, :message);

-- name: has_due_delayed
SELECT EXISTS (SELECT 1 FROM rocketmq_delayed WHERE topic = :topic AND deliver_at <= :now);

-- name: take_due
DELETE FROM rocketmq_delayed WHERE topic = :topic AND deliver_at <= :now
RETURNING deliver_at, arrival, message;

-- name: next_delayed
SELECT min(deliver_at) FROM rocketmq_delayed WHERE topic = :topic;

-- name: expire
DELETE FROM rocketmq_message WHERE topic = :topic AND published_at <= :before;

-- name: position
SELECT position FROM rocketmq_group WHERE topic = :topic AND name = :name;

-- name: add_group
INSERT INTO rocketmq_group (topic, name, position) VALUES (:topic, :name, 0)
ON CONFLICT (topic, name) DO NOTHING;

-- name: move
UPDATE rocketmq_group SET position = :position WHERE topic = :topic AND name = :name;

-- name: log
SELECT sequence, message FROM rocketmq_message WHERE topic = :topic AND sequence > :after
ORDER BY sequence LIMIT :limit;

-- name: pending_of_group
SELECT p.sequence, m.message, p.consumed, p.next_at, p.first_at, p.claims
FROM rocketmq_pending p JOIN rocketmq_message m ON m.sequence = p.sequence
WHERE p.topic = :topic AND p.name = :name;

-- name: due
{pending_of_group} AND p.next_at <= :now
ORDER BY p.sequence LIMIT :limit;

-- name: pending
{pending_of_group}
ORDER BY p.sequence;

-- name: find
{pending_of_group} AND p.sequence = :sequence;

-- name: put
INSERT INTO rocketmq_pending (topic, name, sequence, consumed, next_at, first_at, claims)
VALUES (:topic, :name, :sequence, :consumed, :next_at, :first_at, :claims)
ON CONFLICT (topic, name, sequence) DO UPDATE
SET consumed = excluded.consumed, next_at = excluded.next_at, first_at = excluded.first_at,
    claims = excluded.claims;

-- name: drop_pending
DELETE FROM rocketmq_pending WHERE topic = :topic AND name = :name AND sequence = :sequence;

-- name: next_due
SELECT min(next_at) FROM rocketmq_pending
WHERE topic = :topic AND name = :name AND next_at > :now;

-- name: forget_pending
DELETE FROM rocketmq_pending WHERE topic = :topic;

-- name: forget_groups
DELETE FROM rocketmq_group WHERE topic = :topic;

-- name: forget_delayed
DELETE FROM rocketmq_delayed WHERE topic = :topic;

-- name: forget_messages
DELETE FROM rocketmq_message WHERE topic = :topic;
