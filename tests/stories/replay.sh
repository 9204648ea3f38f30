# Replay what failed, after the function is fixed.
fc-async init minimal --no-input project_name=orders
cd orders
keep_running fc-async local start --create-missing
fc-async deploy --with-functions -y

fc-async invoke process '{"order": 9}' --task-id order-9
ends_with 1 fc-async tasks wait process order-9
fc-async tasks list process --status failed
prints "order-9  Failed"

sed 's/order\["items"\]/order.get("items", [])/' code/process.py > fixed.py
mv fixed.py code/process.py
fc-async deploy --with-functions -y
fc-async tasks replay process --failed -y
prints "order-9: accepted as order-9-replay-1"
fc-async tasks wait process order-9-replay-1
prints "Succeeded"

fc-async failures
prints "Cured: 1 failure, sent again and succeeded."
fc-async tasks get process order-9
prints "Succeeded  order-9-replay-1"
