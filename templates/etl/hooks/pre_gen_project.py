"""Refuses answers that the service would refuse later.

fc-async init refuses them before this runs; cookiecutter by itself comes here.
"""

import json
import re
import sys
from typing import Any

RULES = json.loads(r"""{{ cookiecutter._rules | tojson }}""")
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")


def is_allowed(value: str, rule: dict[str, Any]) -> bool:
    """Return whether an answer keeps a rule: a pattern, or a range of whole numbers."""
    if "pattern" in rule:
        return re.fullmatch(rule["pattern"], value) is not None
    low, high = rule["range"]
    return re.fullmatch("0|[1-9][0-9]{0,9}", value) is not None and low <= int(value) <= high


PROBLEMS = [
    f"{name} must be {rule['allowed']}, got {ANSWERS[name]!r}"
    for name, rule in RULES.items()
    if not is_allowed(str(ANSWERS[name]), rule)
]

if PROBLEMS:
    sys.exit("\n".join(PROBLEMS))
