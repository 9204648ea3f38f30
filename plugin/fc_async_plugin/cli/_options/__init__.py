# SPDX-License-Identifier: MIT
"""Options that several commands share. Where ``s`` has the same option, the name is the same.

A command gets the value by the name in the option; without a default it is None, for flags False.
Options that belong together are one: the command gets one object for them, whose type is named in
their docstring. The options of a local runtime are in ``runtime``, which imports the extra.
"""

from __future__ import annotations

from fc_async_plugin.cli._options import completion
from fc_async_plugin.cli._options.account import (
    access_option,
    account_id_option,
    account_options,
    endpoint_option,
    place_options,
    qualifier_option,
    ram_endpoint_option,
    region_option,
    source_endpoint_option,
    where_options,
)
from fc_async_plugin.cli._options.building import (
    Choice,
    CommandWithParts,
    Group,
    flag,
    former,
    gathered,
    refuse_empty_names,
)
from fc_async_plugin.cli._options.failures import error_option, error_text_option, reader_option
from fc_async_plugin.cli._options.files import existing_file, read_json, read_private_line
from fc_async_plugin.cli._options.output import (
    cost_option,
    format_option,
    prices_option,
    raw_option,
    tasks_limit,
    yes_option,
)
from fc_async_plugin.cli._options.payload import event_options, note_if_not_json, text_payload
from fc_async_plugin.cli._options.project import (
    create_missing_option,
    env_option,
    function_argument,
    optional_function_argument,
    prune_option,
    resource_option,
    resources_argument,
    skip_validation_option,
    task_argument,
    template_option,
    templates_option,
    with_functions_option,
)
from fc_async_plugin.cli._options.redrives import (
    RecordOptions,
    SendingOptions,
    record_options,
    sending_options,
)
from fc_async_plugin.cli._options.times import beginning, moment, rate_option

__all__ = [
    "Choice",
    "CommandWithParts",
    "Group",
    "RecordOptions",
    "SendingOptions",
    "access_option",
    "account_id_option",
    "account_options",
    "beginning",
    "completion",
    "cost_option",
    "create_missing_option",
    "endpoint_option",
    "env_option",
    "error_option",
    "error_text_option",
    "event_options",
    "existing_file",
    "flag",
    "format_option",
    "former",
    "function_argument",
    "gathered",
    "moment",
    "note_if_not_json",
    "optional_function_argument",
    "place_options",
    "prices_option",
    "prune_option",
    "qualifier_option",
    "ram_endpoint_option",
    "rate_option",
    "raw_option",
    "read_json",
    "read_private_line",
    "reader_option",
    "record_options",
    "refuse_empty_names",
    "region_option",
    "resource_option",
    "resources_argument",
    "sending_options",
    "skip_validation_option",
    "source_endpoint_option",
    "task_argument",
    "tasks_limit",
    "template_option",
    "templates_option",
    "text_payload",
    "where_options",
    "with_functions_option",
    "yes_option",
]
