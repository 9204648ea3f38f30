-- SPDX-License-Identifier: MIT
-- How many additions a sum has, and the largest of them: for averages and maxima.

ALTER TABLE metric ADD COLUMN number INTEGER NOT NULL DEFAULT 1;
ALTER TABLE metric ADD COLUMN largest INTEGER NOT NULL DEFAULT 0;
