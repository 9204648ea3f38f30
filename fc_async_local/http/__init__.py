# SPDX-License-Identifier: MIT
"""The one HTTP edge of the API, the services and the console.

Server, limits on requests, Host and Origin check, reading of requests, signatures of the gateway.
"""
