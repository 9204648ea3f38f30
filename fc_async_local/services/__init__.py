# SPDX-License-Identifier: MIT
"""MNS, RocketMQ and EventBridge, each behind the protocol of its official clients.

:mod:`common` and :mod:`delivery` have what the services share.
"""
