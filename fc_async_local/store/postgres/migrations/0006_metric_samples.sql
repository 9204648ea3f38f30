-- SPDX-License-Identifier: MIT
-- How many additions a sum has, and the largest of them: for averages and maxima.

ALTER TABLE metric
ADD COLUMN number bigint NOT NULL DEFAULT 1,
ADD COLUMN largest bigint NOT NULL DEFAULT 0;
