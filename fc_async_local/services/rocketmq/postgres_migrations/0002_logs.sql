-- SPDX-License-Identifier: MIT
-- Logs of topics and the positions of consumer groups. Times are milliseconds since the epoch.
--
-- "joined_at" is when a message was published or, if it was delayed, when it was due: messages are
-- kept for a time from then on.

CREATE TABLE rocketmq_message (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text COLLATE "C" NOT NULL,
    joined_at bigint NOT NULL,
    message bytea NOT NULL
);

CREATE INDEX rocketmq_message_log ON rocketmq_message (topic, sequence);
CREATE INDEX rocketmq_message_age ON rocketmq_message (topic, joined_at);

CREATE TABLE rocketmq_delayed (
    arrival bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text COLLATE "C" NOT NULL,
    deliver_at bigint NOT NULL,
    message bytea NOT NULL
);

CREATE INDEX rocketmq_delayed_due ON rocketmq_delayed (topic, deliver_at, arrival);

CREATE TABLE rocketmq_group (
    topic text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (topic, name)
);

-- Messages that a group has read and not acknowledged.
CREATE TABLE rocketmq_pending (
    topic text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL REFERENCES rocketmq_message (sequence) ON DELETE CASCADE,
    consumed bigint NOT NULL,
    next_at bigint NOT NULL,
    first_at bigint NOT NULL,
    claims bigint NOT NULL,
    PRIMARY KEY (topic, name, sequence)
);

CREATE INDEX rocketmq_pending_due ON rocketmq_pending (topic, name, next_at);
CREATE INDEX rocketmq_pending_message ON rocketmq_pending (sequence);
