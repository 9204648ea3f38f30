# SPDX-License-Identifier: MIT
"""Writes rules as alarms of CloudMonitor: requests of its API, Terraform, ROS. Pure.

Names and types of fields: PutResourceMetricRules of ``alibabacloud-cms20190101``,
``alicloud_cms_alarm`` of the provider ``aliyun/alicloud``, ``ALIYUN::CMS::ResourceMetricRule``.
Terraform gets its JSON syntax, so that no text of a template is taken for an expression.
"""

from __future__ import annotations

import json
import re
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk.spec import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_plugin.check.conditions import Rule

RULES_AT_ONCE: Final = 50
"""Rules in one request (PutResourceMetricRules)."""
_AT_LEAST: Final = "GreaterThanOrEqualToThreshold"


def requests(rules: Sequence[Rule], groups: Sequence[str]) -> dict[str, Any]:
    """Return the bodies of PutResourceMetricRules, and the reasons, which it does not take."""
    rules = _with_metrics(rules)
    written = [
        {
            **_fields(rule),
            "Resources": json.dumps(_dimensions(rule)),
            "ContactGroups": ",".join(groups),
            "Period": str(rule.condition.period),
            "EmailSubject": f"{rule.subject}: {rule.condition.name}",
        }
        for rule in rules
    ]
    return {
        "requests": [
            {"Rules": written[first : first + RULES_AT_ONCE]}
            for first in range(0, len(written), RULES_AT_ONCE)
        ],
        "reasons": [{"rule": rule.name, "reason": rule.reason} for rule in rules],
    }


def terraform(rules: Sequence[Rule], groups: Sequence[str]) -> dict[str, Any]:
    """Return a file ``alarms.tf.json``."""
    return {
        "resource": {
            "alicloud_cms_alarm": {
                key: {
                    "//": rule.reason,
                    "name": rule.name,
                    "project": _namespace(rule),
                    "metric": rule.condition.metric,
                    "metric_dimensions": _literal(json.dumps(_dimensions(rule))),
                    "period": rule.condition.period,
                    "contact_groups": [_literal(group) for group in groups],
                    f"escalations_{_level(rule).lower()}": {
                        "statistics": _statistic(rule),
                        "comparison_operator": ">=",
                        "threshold": str(rule.threshold),
                        "times": rule.condition.times,
                    },
                }
                for key, rule in _keyed(rules, lambda name: re.sub(r"\W", "_", name)).items()
            }
        }
    }


def ros(rules: Sequence[Rule], groups: Sequence[str]) -> dict[str, Any]:
    """Return a template of ROS."""
    return {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Resources": {
            key: {
                "Type": "ALIYUN::CMS::ResourceMetricRule",
                "Metadata": {"Reason": rule.reason},
                "Properties": {
                    **_fields(rule),
                    "Resources": _dimensions(rule),
                    "ContactGroups": list(groups),
                    "Period": rule.condition.period,
                },
            }
            for key, rule in _keyed(rules, lambda name: re.sub(r"[\W_]", "", name.title())).items()
        },
    }


def _keyed(rules: Sequence[Rule], clean: Callable[[str], str]) -> dict[str, Rule]:
    """Return rules by names that a language takes; a number tells names apart that look alike."""
    keys: dict[tuple[str, str], str] = {}
    by_key: dict[str, Rule] = {}
    for rule in _with_metrics(rules):
        name = clean(rule.name)
        source = (rule.region, rule.name)
        numbered = (f"{name}{at}" for at in count(2))
        # Lazy, because the numbers have no end. Terraform and ROS take fewer characters than
        # functions have: a-b and a_b, or one name in two regions, had one alarm for both.
        free = next(key for key in chain([name], numbered) if key not in by_key)
        by_key[keys.setdefault(source, free)] = rule
    return by_key


def _with_metrics(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that CloudMonitor has a metric for."""
    return [rule for rule in rules if rule.condition.metric]


def _namespace(rule: Rule) -> str:
    return metrics.QUEUE_NAMESPACE if rule.condition.is_of_queue else metrics.NAMESPACE


def _statistic(rule: Rule) -> str:
    if rule.condition.is_of_queue:
        return metrics.QUEUE_ALARM_STATISTIC
    # All metrics of the namespace have this one; rules with another are refused since August 2024.
    return metrics.ALARM_STATISTIC


def _dimensions(rule: Rule) -> list[dict[str, str]]:
    if rule.condition.is_of_queue:
        return metrics.queue_dimensions(rule.region, rule.subject)
    return metrics.dimensions(rule.region, rule.subject)


def _level(rule: Rule) -> str:
    return "Critical" if rule.condition.critical else "Warn"


def _fields(rule: Rule) -> dict[str, Any]:
    """Return what the API and ROS name alike."""
    return {
        "RuleId": rule.name,
        "RuleName": rule.name,
        "Namespace": _namespace(rule),
        "MetricName": rule.condition.metric,
        "Escalations": {
            _level(rule): {
                "Statistics": _statistic(rule),
                "ComparisonOperator": _AT_LEAST,
                "Threshold": str(rule.threshold),
                "Times": rule.condition.times,
            }
        },
    }


def _literal(text: str) -> str:
    """Return a text that Terraform does not take for a template."""
    return text.replace("${", "$${").replace("%{", "%%{")
