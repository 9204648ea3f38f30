# SPDX-License-Identifier: MIT
"""The credentials that ``s`` (Serverless Devs) keeps, so that its users need nothing else.

In its order: the environment variables ``AccountID``, ``AccessKeyID`` and ``AccessKeySecret``
(when no alias was asked for); the variable ``{alias}_serverless_devs_key`` with a JSON object; the
alias in ``~/.s/access.yaml``, or in the ``.s`` of the folder that ``serverless_devs_config_home``
names instead of the home directory. The file's values are scrambled with a passphrase that is part
of ``s``: obfuscation, not protection, so reading it reveals nothing that wasn't open.

Reads files and the environment that it is given; never writes, never asks the network.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_sdk._installation import how_to_install
from fc_async_sdk.credentials import Credentials
from fc_async_sdk.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PASSPHRASE: Final = b"SecretKey123"
_SALTED: Final = b"Salted__"
_BLOCK: Final = 16
_KEY: Final = 32
_LONGEST_FILE: Final = 1024 * 1024
_SUFFIX: Final = "_serverless_devs_key"
_HOME: Final = "serverless_devs_config_home"
_CI_ALIAS: Final = "serverless_devs_access_cicd_alias_name"
VARIABLES: Final = ("AccountID", "AccessKeyID", "AccessKeySecret")
"""Environment variables that ``s`` reads before any alias, if all of them are set."""
_FILES: Final = ("access.yaml", "access.yml")


def folder(environ: Mapping[str, str], home: Path | None) -> Path | None:
    """Return the folder ``.s`` in which ``s`` keeps its settings; it may not exist.

    Args:
        environ: The environment.
        home: The home directory, None if it isn't known.

    Returns:
        None if neither the environment nor the home directory says where.
    """
    chosen = environ.get(_HOME)
    base = Path(chosen) if chosen else home
    return base / ".s" if base is not None else None


def files(environ: Mapping[str, str], home: Path | None) -> list[Path]:
    """Return the files with credentials that exist, the one that ``s`` reads first.

    Args:
        environ: The environment.
        home: The home directory, None if it isn't known.
    """
    settings = folder(environ, home)
    if settings is None:
        return []
    paths = [settings / name for name in _FILES]
    return [path for path in paths if path.is_file()]


def find(
    environ: Mapping[str, str], home: Path | None, alias: str | None = None
) -> Credentials | None:
    """Return the credentials that ``s`` would use.

    Args:
        environ: The environment.
        home: The home directory, None if it isn't known; see :func:`folder`.
        alias: What ``s -a`` names; None takes what ``s`` takes then.

    Returns:
        The credentials, or None if there are none and no alias was asked for.

    Raises:
        CredentialsError: There is no such alias, or its entry or the file can't be read.
    """
    asked = environ.get(_CI_ALIAS) or alias
    if asked is None:
        # ``s`` reads no token from these three: what it would leave out is left out here.
        triple = {name: environ.get(name) for name in VARIABLES}
        if all(triple.values()):
            return _credentials(triple, f"environment variables {', '.join(VARIABLES)}")
    name = asked if asked is not None else "default"
    variable = environ.get(f"{name}{_SUFFIX}")
    if variable:
        return _from_variable(name, variable)
    return _from_files(environ, home, asked)


def _credentials(fields: Mapping[str, Any], source: str) -> Credentials | None:
    key = fields.get("AccessKeyID")
    secret = fields.get("AccessKeySecret")
    if not key or not secret:
        return None
    return Credentials(
        access_key_id=str(key),
        access_key_secret=str(secret),
        security_token=str(fields.get("SecurityToken") or ""),
        account_id=str(fields.get("AccountID") or ""),
        source=source,
    )


def _from_variable(alias: str, text: str) -> Credentials:
    name = f"{alias}{_SUFFIX}"
    try:
        fields = msgspec.json.decode(text, type=dict[str, str | int | None])
    except msgspec.DecodeError:
        raise CredentialsError(
            f"environment variable {name} is not a JSON object of strings"
        ) from None
    credentials = _credentials(fields, f"environment variable {name}")
    if credentials is None:
        raise CredentialsError(f"environment variable {name} lacks AccessKeyID or AccessKeySecret")
    return credentials


def _from_files(
    environ: Mapping[str, str], home: Path | None, asked: str | None
) -> Credentials | None:
    paths = files(environ, home)
    if paths:
        return _from_file(paths[0], asked)
    if asked is None:
        return None
    settings = folder(environ, home)
    missing = f"no {settings / _FILES[0]}" if settings else "no home directory"
    raise CredentialsError(
        f"no credentials named {asked!r}: there is {missing} and no "
        f"environment variable {asked}{_SUFFIX}; make them with: s config add -a {asked}"
    )


def _from_file(path: Path, asked: str | None) -> Credentials | None:
    aliases = _load(path)
    name = asked if asked is not None else _default(aliases)
    if name is None:
        return None
    entry = aliases.get(name)
    if not isinstance(entry, dict):
        names = ", ".join(sorted(map(str, aliases))) or "none"
        raise CredentialsError(f"{path} has no credentials named {name!r}, it has: {names}")
    source = f"{path} ({name})"
    fields = {str(key): _plain(value, source) for key, value in entry.items()}
    credentials = _credentials(fields, source)
    if credentials is None:
        raise CredentialsError(f"{source} lacks AccessKeyID or AccessKeySecret")
    return credentials


def _default(aliases: Mapping[Any, Any]) -> str | None:
    """Return the alias that is marked as default, else the one with the name ``default``."""
    for name, entry in aliases.items():
        if isinstance(entry, dict) and entry.get("__default"):
            return str(name)
    return "default" if "default" in aliases else None


def _load(path: Path) -> dict[Any, Any]:
    try:
        import yaml  # noqa: PLC0415 -- an extra, and slow to import
    except ModuleNotFoundError:
        raise CredentialsError(f"reading {path} needs PyYAML: {how_to_install('cli')}") from None
    if path.stat().st_size > _LONGEST_FILE:
        raise CredentialsError(f"{path} is longer than {_LONGEST_FILE} bytes")
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        raise CredentialsError(f"{path} can't be read: {type(error).__name__}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise CredentialsError(f"{path} must map names to credentials")
    return document


def _plain(value: Any, source: str) -> str:
    """Return a value of the file, decrypted if it is encrypted."""
    text = str(value)
    try:
        sealed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text
    if not sealed.startswith(_SALTED):
        return text
    return decrypt(sealed, source)


def decrypt(sealed: bytes, source: str) -> str:
    """Decrypt a value: AES-256-CBC under a key of ``EVP_BytesToKey`` with MD5 (CryptoJS).

    Raises:
        CredentialsError: It was not scrambled by ``s``, or ``cryptography`` is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers import (  # noqa: PLC0415 -- an extra
            Cipher,
            algorithms,
            modes,
        )
    except ModuleNotFoundError:
        raise CredentialsError(
            f"unscrambling {source} needs cryptography: {how_to_install('cli')}"
        ) from None
    salt = sealed[8:16]
    body = sealed[16:]
    is_cut_off = len(salt) < len(_SALTED) or len(body) % _BLOCK
    if is_cut_off or not body:
        raise CredentialsError(f"{source} is cut off")
    key, vector = _derived(salt)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    padded = decryptor.update(body) + decryptor.finalize()
    padding = padded[-1]  # PKCS #7: the last byte tells how many there are
    text = padded[:-padding] if 1 <= padding <= _BLOCK else b"\xff"
    try:
        return text.decode()
    except UnicodeDecodeError:
        # Nothing of the text is in the message: it may be a secret, decrypted in part.
        raise CredentialsError(f"{source} was not scrambled by s") from None


def _derived(salt: bytes) -> tuple[bytes, bytes]:
    """Return key and initialization vector of ``EVP_BytesToKey`` with MD5 and one round."""
    derived = b""
    block = b""
    while len(derived) < _KEY + _BLOCK:
        block = hashlib.md5(block + _PASSPHRASE + salt, usedforsecurity=False).digest()
        derived += block
    return derived[:_KEY], derived[_KEY : _KEY + _BLOCK]
