"""Checks the answers, as fc-async init does, if fc-async is installed beside cookiecutter."""

import json
import sys

try:
    from fc_async_plugin.scaffold.questions import QUESTIONS, problem
except ModuleNotFoundError:
    sys.exit()

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
wrong = [problem(name, str(value)) for name, value in ANSWERS.items() if name in QUESTIONS]
if any(wrong):
    sys.exit("\n".join(filter(None, wrong)))
