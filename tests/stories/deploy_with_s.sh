# Deploy with s: the configuration of a function changes.
from_the_network npm install -g @serverless-devs/s@3.1.10
fc-async init minimal --no-input project_name=orders
cd orders
keep_running fc-async local start --create-missing
fc-async deploy --with-functions -y

export FC_ASYNC_PLUGIN=$(fc-async s-plugin path)
mkdir ../with-s
cd ../with-s
file docs/tutorials/deploy-with-s.md s.yaml
s config add -a fc-async-tutorial --AccountID 1234567890123456 --AccessKeyID any --AccessKeySecret any
FC_CLIENT_CUSTOM_ENDPOINT=http://127.0.0.1:9900 s deploy -y
prints "maxAsyncRetryAttempts"
fc-async plan --endpoint http://127.0.0.1:9900
prints "Nothing to do"
s config delete -a fc-async-tutorial
