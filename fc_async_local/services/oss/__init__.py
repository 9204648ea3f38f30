# SPDX-License-Identifier: MIT
"""OSS: buckets in a folder, behind the protocol of the official clients."""

from typing import Final

INDEX: Final = "index.db"
"""The file in the folder that names all objects."""
