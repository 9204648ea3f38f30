"""Where the worker connects to. Each setting is an environment variable of the same name."""

import os
from dataclasses import dataclass, field, fields


@dataclass(frozen=True)
class Settings:
    """Settings of a worker. The defaults are those of `make dev`.

    Attributes:
        mns_endpoint: On the service `https://ACCOUNT.mns.REGION.aliyuncs.com`.
        rocketmq_endpoint: On the service `https://ACCOUNT.mqrest.REGION.aliyuncs.com`.
        rocketmq_group: Consumer group. Each group gets every message of the topic.
        worker_data: Folder for what the worker keeps.
    """

    mns_endpoint: str = "http://127.0.0.1:9901"
    mns_queue: str = "{{ cookiecutter.failure_queue }}"
    rocketmq_endpoint: str = "http://127.0.0.1:9902"
    rocketmq_instance: str = "{{ cookiecutter.rocketmq_instance }}"
    rocketmq_topic: str = "{{ cookiecutter.rocketmq_topic }}"
    rocketmq_group: str = "GID_{{ cookiecutter.project_slug }}"
    alibaba_cloud_access_key_id: str = "local"
    alibaba_cloud_access_key_secret: str = field(default="local", repr=False)
    alibaba_cloud_security_token: str = field(default="", repr=False)
    worker_data: str = "data"

    @classmethod
    def from_environment(cls) -> "Settings":
        """Return the settings in the environment, with defaults for the missing ones."""
        found = {one.name: os.environ.get(one.name.upper()) for one in fields(cls)}
        return cls(**{name: value for name, value in found.items() if value})
