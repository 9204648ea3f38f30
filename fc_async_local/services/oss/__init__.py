# SPDX-License-Identifier: MIT
"""OSS: buckets in a folder, behind the protocol of the official clients."""
