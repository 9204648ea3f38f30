# From the tutorial to an account: deploy with a key, call, find what happened.
fc-async init minimal --no-input project_name=orders
cd orders
fc-async policy --caller > caller.json
contains caller.json "fc:StopAsyncTask"
fc-async policy --deployer --with-functions --create-missing > deployer.json
contains deployer.json "ram:PassRole"

account
ends_with 2 in_account fc-async plan --with-functions --create-missing -a orders
prints "5 to create"
in_account fc-async deploy --with-functions --create-missing -y -a orders
prints "Done: 5 of 5 steps."
in_account fc-async invoke process '{"order": 7, "items": [{"price": 3, "count": 2}]}' --task-id order-7 -a orders
in_account fc-async tasks wait process order-7 -a orders
prints "Succeeded"
in_account fc-async tasks list --status failed -a orders
