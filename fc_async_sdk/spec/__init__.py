# SPDX-License-Identifier: MIT
"""Facts of Function Compute and of the services beside it, as data and pure functions.

Limits, ARNs, runtimes, asynchronous configuration, triggers, destination graph, RAM, metrics. Each
fact is written here once; SDK, local runtime and plugin read it from here.
"""
