// SPDX-License-Identifier: MIT
// The graph of destinations, as the runtime says it: edges as a list until it is laid out.

import * as api from "../api";
import { useLive } from "../state";
import { Table, Trouble } from "../ui";

interface Found {
  nodes: { name: string; kind: string }[];
  edges: { source: string; target: string; outcome: string; cyclic: boolean }[];
}

export function Graph() {
  const found = useLive("graph", () => api.get<Found>("/graph"));
  const edges = found.value?.edges ?? [];
  const cyclic = [...new Set(edges.filter((edge) => edge.cyclic).flatMap((edge) => [edge.source, edge.target]))];
  return (
    <>
      <Trouble error={found.error} />
      {cyclic.length ? <p class="notice" role="alert">Destination cycle: {cyclic.join(", ")}. Remove one of its destinations.</p> : null}
      {edges.length ? (
        <Table label="Destinations">
          <thead><tr><th>From</th><th>On</th><th>To</th><th>Cycle</th></tr></thead>
          <tbody>{edges.map((edge) => <tr key={`${edge.source} ${edge.outcome}`}><td>{edge.source}</td><td>{edge.outcome}</td><td>{edge.target}</td><td>{edge.cyclic ? <span class="status bad">cycle</span> : null}</td></tr>)}</tbody>
        </Table>
      ) : <p class="dim">No destinations are configured.</p>}
    </>
  );
}
