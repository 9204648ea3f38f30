# SPDX-License-Identifier: MIT
"""The folder of a user, read only: code, images, layers, and the state that a template asks for."""
