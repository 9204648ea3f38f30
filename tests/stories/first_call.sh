# First asynchronous call: a function runs later, a client waits for it.
fc-async init minimal --no-input project_name=orders
cd orders
keep_running fc-async local start --create-missing
fc-async deploy --with-functions -y
prints "4 of 4 steps"

fc-async invoke process '{"order": 7, "items": [{"price": 3, "count": 2}]}' --delay 2 --task-id order-7
fc-async tasks wait process order-7
prints "Succeeded"

file docs/tutorials/first-project.md invoke.py
FC_ASYNC_ENDPOINT=http://127.0.0.1:9900 python invoke.py
prints "order-8 Succeeded"
