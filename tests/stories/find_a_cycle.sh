# Find and fix a cycle before it is deployed.
file docs/tutorials/find-a-cycle.md s.yaml
ends_with 1 fc-async validate --select FCA031
prints "orders → billing"
fc-async graph --out graph.svg
contains graph.svg "remove"

sed -i 's|acs:fc:${vars.region}::functions/orders|acs:mns:${vars.region}::/queues/bills/messages|' s.yaml
fc-async validate --select FCA031
prints "no findings"
