-- SPDX-License-Identifier: MIT
-- Queues and their messages. Times are milliseconds since the epoch.
--
-- "ready" is true as soon as a message was found to be visible, so that a receive walks one index
-- in the order that it wants and never past messages that are hidden.

CREATE TABLE mns_queue (
    name text COLLATE "C" PRIMARY KEY,
    attributes bytea NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL
);

CREATE TABLE mns_message (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text COLLATE "C" NOT NULL REFERENCES mns_queue (name) ON DELETE CASCADE,
    message_id text NOT NULL,
    body text NOT NULL,
    priority integer NOT NULL,
    enqueued_at bigint NOT NULL,
    visible_at bigint NOT NULL,
    first_dequeued_at bigint,
    dequeue_count integer NOT NULL DEFAULT 0,
    claims integer NOT NULL DEFAULT 0,
    extra bytea,
    ready boolean NOT NULL
);

CREATE INDEX mns_message_ready ON mns_message (queue, priority, sequence) WHERE ready;
CREATE INDEX mns_message_hidden ON mns_message (queue, visible_at) WHERE NOT ready;
CREATE INDEX mns_message_age ON mns_message (queue, enqueued_at);
