# SPDX-License-Identifier: MIT
"""The OpenAPI descriptions of the admin API and of the FC operations that are served."""
