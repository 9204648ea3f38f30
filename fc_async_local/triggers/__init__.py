# SPDX-License-Identifier: MIT
"""Fires triggers: timers, objects in OSS, messages of MNS and RocketMQ, events of EventBridge.

All of them end in the accept of the engine. HTTP triggers are requests, and come by HTTP. The other
kinds (SLS, CDN, Tablestore and so on) are kept by the registry and fired by hand only.
"""
