# SPDX-License-Identifier: MIT
"""The services that stand beside FC, each behind the protocol of its official clients."""
