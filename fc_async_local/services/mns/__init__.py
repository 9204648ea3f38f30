# SPDX-License-Identifier: MIT
"""MNS (lightweight message queue): queues and topics, for the official clients."""
