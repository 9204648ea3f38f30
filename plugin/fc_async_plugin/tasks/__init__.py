# SPDX-License-Identifier: MIT
"""Operations on asynchronous tasks that take more than one call of the SDK."""
