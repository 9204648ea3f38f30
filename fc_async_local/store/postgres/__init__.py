# SPDX-License-Identifier: MIT
"""The store of several nodes: PostgreSQL through psycopg 3 (extra ``postgres``).

Must be imported through its modules, and only for a PostgreSQL store: psycopg may be missing.
"""
