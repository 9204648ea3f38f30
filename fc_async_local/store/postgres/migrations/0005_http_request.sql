-- SPDX-License-Identifier: MIT
-- Method, target and headers of a request to a web function (JSON); NULL for an event.
ALTER TABLE invocation ADD COLUMN http bytea;
