# Find and fix a cycle before it is deployed.
file docs/tutorials/find-a-cycle.md s.yaml
ends_with 1 fc-async validate --select FCA031
prints "orders → shipping"
fc-async graph --out graph.svg
contains graph.svg "remove"

sed 's|::functions/orders|::/queues/shipped/messages|; 20s|acs:fc:|acs:mns:|' s.yaml > fixed.yaml
mv fixed.yaml s.yaml
fc-async validate --select FCA031
prints "no findings"
