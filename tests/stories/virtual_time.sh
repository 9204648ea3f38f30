# Test with virtual time: a day passes in a test.
from_the_network pip install pytest pytest-httpserver
fc-async init minimal --no-input project_name=orders
cd orders
file docs/tutorials/virtual-time.md tests/test_one_day.py
pytest
prints "5 passed"
