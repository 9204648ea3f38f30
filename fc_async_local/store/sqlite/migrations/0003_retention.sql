-- SPDX-License-Identifier: MIT
-- When a blob was last known to be used. Apart from the blob: an update rewrites the whole row, and
-- that is an archive.
CREATE TABLE blob_use (
    key TEXT PRIMARY KEY, -- blob.key
    used_at INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO blob_use (key, used_at) SELECT key, 0 FROM blob;

CREATE INDEX metric_minute ON metric (minute);
