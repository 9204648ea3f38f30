# SPDX-License-Identifier: MIT
"""Work on functions that run: tasks, failed events, replays, metrics, alarms."""
