# SPDX-License-Identifier: MIT
"""Keeps invocations, durable jobs, metrics, configuration and code.

One protocol, implemented in memory (the executable specification), on SQLite and on PostgreSQL.
:mod:`job_runner` runs the durable jobs; :mod:`document_cache` holds the configuration in memory.
"""
