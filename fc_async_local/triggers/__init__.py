# SPDX-License-Identifier: MIT
"""Triggers that messages and events of the services fire: queues, topics, buses, RocketMQ."""
