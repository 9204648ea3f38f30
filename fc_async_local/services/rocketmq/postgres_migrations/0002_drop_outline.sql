-- SPDX-License-Identifier: MIT

ALTER TABLE rocketmq_message DROP COLUMN outline;
ALTER TABLE rocketmq_delayed DROP COLUMN outline;
