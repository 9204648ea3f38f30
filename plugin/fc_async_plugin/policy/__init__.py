# SPDX-License-Identifier: MIT
"""RAM policies: what a template needs, and what the roles of an account have."""
