# SPDX-License-Identifier: MIT
"""RocketMQ 4.x over HTTP: topics are logs, in which each consumer group has a position."""
