-- SPDX-License-Identifier: MIT
-- What comes and goes is tallied once for its group by whoever inserts or deletes it.

DROP TRIGGER tally_in;
DROP TRIGGER tally_out;
