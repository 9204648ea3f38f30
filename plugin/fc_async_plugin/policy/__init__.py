# SPDX-License-Identifier: MIT
"""RAM policies: computes what a template needs, and reads what the roles of an account allow."""
