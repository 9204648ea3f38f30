-- name: append
INSERT INTO rocketmq_message (topic, published_at, message) VALUES (:topic, :published_at, :message);

-- name: delay
INSERT INTO rocketmq_delayed (topic, deliver_at, message) VALUES (:topic, :deliver_at, :message);

-- name: append_due
-- A message is kept as long as any other from the time at which it joins the log.
INSERT INTO rocketmq_message (topic, published_at, message)
SELECT topic, deliver_at, message FROM rocketmq_delayed
WHERE topic = :topic AND deliver_at <= :now ORDER BY deliver_at, arrival;

-- name: drop_delayed
DELETE FROM rocketmq_delayed WHERE topic = :topic AND deliver_at <= :now;

-- name: next_delayed
SELECT min(deliver_at) FROM rocketmq_delayed WHERE topic = :topic;

-- name: expire
DELETE FROM rocketmq_message WHERE topic = :topic AND published_at <= :before;

-- name: position
SELECT position FROM rocketmq_group WHERE topic = :topic AND name = :name;

-- name: move
INSERT INTO rocketmq_group (topic, name, position) VALUES (:topic, :name, :position)
ON CONFLICT (topic, name) DO UPDATE SET position = excluded.position;

-- name: log
SELECT sequence, message FROM rocketmq_message WHERE topic = :topic AND sequence > :after
ORDER BY sequence LIMIT :limit;

-- name: due
SELECT p.sequence, m.message, p.consumed, p.next_at, p.first_at, p.claims
FROM rocketmq_pending p JOIN rocketmq_message m ON m.sequence = p.sequence
WHERE p.topic = :topic AND p.name = :name AND p.next_at <= :now
ORDER BY p.sequence LIMIT :limit;

-- name: pending
SELECT p.sequence, m.message, p.consumed, p.next_at, p.first_at, p.claims
FROM rocketmq_pending p JOIN rocketmq_message m ON m.sequence = p.sequence
WHERE p.topic = :topic AND p.name = :name
ORDER BY p.sequence;

-- name: find
SELECT p.sequence, m.message, p.consumed, p.next_at, p.first_at, p.claims
FROM rocketmq_pending p JOIN rocketmq_message m ON m.sequence = p.sequence
WHERE p.topic = :topic AND p.name = :name AND p.sequence = :sequence;

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
