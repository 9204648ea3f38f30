# SPDX-License-Identifier: MIT
"""Fires triggers: messages of MNS and RocketMQ and events of EventBridge become invocations.

Timer, HTTP, OSS and other triggers are kept by the registry and not fired.
"""
