"""Files as objects of a bucket of OSS, by the official client `alibabacloud-oss-v2`.

Tried with the client on a stand-in of OSS, not with a real account. An object is stored in one
step, and is listed as soon as it is stored. The client is imported at first use, because only
deployed functions need it.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any


class Oss:
    """Objects of one bucket. The keys of the account come from the role of the function.

    Args:
        bucket: Name of the bucket.
        endpoint: Address of OSS; empty is the internal one of the region of the function.
    """

    def __init__(self, bucket: str, endpoint: str = "") -> None:
        self._bucket = bucket
        self._oss: Any = import_module("alibabacloud_oss_v2")
        config = self._oss.config.load_default()
        config.region = os.environ["FC_REGION"]
        config.endpoint = endpoint or f"https://oss-{config.region}-internal.aliyuncs.com"
        config.credentials_provider = self._oss.credentials.StaticCredentialsProvider(
            os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            os.environ.get("ALIBABA_CLOUD_SECURITY_TOKEN"),
        )
        self._client: Any = self._oss.Client(config)

    def get(self, key: str, file: Path) -> None:
        """Copy an object to a local file, or raise FileNotFoundError."""
        request = self._oss.GetObjectRequest(bucket=self._bucket, key=key)
        try:
            self._client.get_object_to_file(request, str(file))
        except self._oss.exceptions.OperationError as error:
            if getattr(error.unwrap(), "code", "") != "NoSuchKey":
                raise
            raise FileNotFoundError(f"No such file in {self._bucket}: {key!r}") from error

    def put(self, file: Path, key: str) -> None:
        """Store a local file of up to 5 GB, in place of the object that has this key."""
        request = self._oss.PutObjectRequest(bucket=self._bucket, key=key)
        self._client.put_object_from_file(request, str(file))

    def keys(self, prefix: str) -> set[str]:
        """Return the keys that begin with a prefix."""
        request = self._oss.ListObjectsV2Request(bucket=self._bucket, prefix=prefix)
        pages = self._client.list_objects_v2_paginator().iter_page(request)
        return {entry.key for page in pages for entry in page.contents or ()}
