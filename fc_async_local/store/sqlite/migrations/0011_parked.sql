-- SPDX-License-Identifier: MIT
-- Invocations of paused functions: those that wait until their function is resumed.
CREATE INDEX invocation_parked ON invocation (function, id)
WHERE lease_owner = '(paused)' AND lease_until IS NULL;
