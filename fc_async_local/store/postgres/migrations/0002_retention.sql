-- SPDX-License-Identifier: MIT
-- When a blob was last known to be used.
CREATE TABLE blob_use (
    key text COLLATE "C" PRIMARY KEY, -- blob.key
    used_at bigint NOT NULL
);

INSERT INTO blob_use (key, used_at) SELECT key, 0 FROM blob;
