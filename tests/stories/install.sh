# What comes before each story on a clean machine; the test suite has the packages already.
from_the_network python3 -m venv .venv
from_the_network . .venv/bin/activate
from_the_network pip install 'dist/fc_async-0.2.0-py3-none-any.whl[cli,local]'
