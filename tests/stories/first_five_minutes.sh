# The first five minutes, from a clone: the demo, a function of one's own, its tests, the console.
clone
in_its_environment make demo
prints "All checks passed"
from_the_network . .venv/bin/activate
fc-async init minimal --no-input project_name=orders -d ..
cd ../orders
in_its_environment make test
prints " passed"
keep_running in_its_environment make dev
fc-async invoke process '{"order": 7, "items": [{"price": 3, "count": 2}]}' --delay 2 --wait
prints "Succeeded"
fc-async invoke process '{"order": 8}'
fc-async tasks list
prints "process"
answers "$(fc-async local console)"
