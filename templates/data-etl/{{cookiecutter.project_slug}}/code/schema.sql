-- The source, which another application writes and the functions only read. Each change of a row
-- takes the next version from one sequence.
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY,
    customer TEXT NOT NULL,
    amount TEXT NOT NULL,
    version BIGINT NOT NULL UNIQUE
);

-- What extract has cut: the versions after one up to another. The end of the newest batch is the
-- watermark. sent is 1 when the tasks of a run are known to be accepted.
CREATE TABLE IF NOT EXISTS batches (
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    after_version BIGINT NOT NULL,
    upto_version BIGINT NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, number)
);

-- Clean rows on their way from transform to load.
CREATE TABLE IF NOT EXISTS staging (
    part TEXT NOT NULL,
    order_id INTEGER NOT NULL,
    customer TEXT NOT NULL,
    cents BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (part, order_id)
);

-- The target: one row for each order.
CREATE TABLE IF NOT EXISTS sales (
    order_id INTEGER PRIMARY KEY,
    customer TEXT NOT NULL,
    cents BIGINT NOT NULL,
    version BIGINT NOT NULL
);
