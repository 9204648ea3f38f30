# The same from a wheel file: a function of one's own, its tests, the console.
fc-async init minimal --no-input project_name=orders
cd orders
in_its_environment make test
prints " passed"
keep_running in_its_environment make dev
fc-async invoke process '{"order": 7, "items": [{"price": 3, "count": 2}]}' --delay 2 --wait
prints "Succeeded"
answers "$(fc-async local console)"
