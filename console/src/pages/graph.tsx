// SPDX-License-Identifier: MIT
// The graph of destinations and triggers, drawn from the scene that the runtime computes. Nothing is moved here.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import * as api from "../api";
import { count } from "../format";
import { t, translated } from "../i18n";
import { limits, link, useLive } from "../state";
import { Button, Field, Input, List, Trouble } from "../ui";

const functionOf = (name: string): string => name.split("/")[0] ?? "";
const counted = ({ delivered, lost }: { delivered: number; lost: number }): string =>
  lost
    ? t`delivered ${count(delivered)}, lost ${count(lost)}`
    : delivered
      ? t`delivered ${count(delivered)}`
      : "";
const wayOf = (edge: api.Edge): string => `${translated(edge.outcome)} ${edge.via ?? ""}`.trimEnd();
const keyOf = (edge: api.Edge): string => `${edge.source} ${wayOf(edge)} ${edge.target}`;
// About as long as the label that the runtime kept room for.
const labelOf = (edge: api.Edge | undefined): string => {
  if (!edge) return "";
  const { delivered, lost } = edge;
  if (lost) return t`${wayOf(edge)}: ${count(delivered)}, ${count(lost)} lost`;
  return delivered ? `${wayOf(edge)}: ${count(delivered)}` : wayOf(edge);
};

/** The label of what is not a function: its kind in the language of the page, and its name. */
const spoken = (label: string): string => {
  const kinds = (limits.value?.destinations ?? []).map((kind) => kind.label);
  const kind = ["HTTP callers", "bucket", "timer", ...kinds].find(
    (one) => label === one || label.startsWith(`${one} `),
  );
  return kind ? translated(kind) + label.slice(kind.length) : label;
};
/** The second line of a box, with the counts of the edges that are folded into it. */
function noteOf({ edges }: api.Graph, { boxes, routes }: api.Scene, index: number): string {
  const room = boxes[index]?.note ?? "";
  const folded = routes.flatMap((route, number) =>
    route.points.length || route.source !== index
      ? []
      : `${labelOf(edges[number])} → ${boxes[route.target]?.note?.split(" ")[0] ?? ""}`,
  );
  const note = folded.join(" · ") || room;
  return note.length > room.length ? `${note.slice(0, room.length - 1)}…` : note;
}

export function Graph() {
  const found = useLive("graph", () => api.get<api.Graph>("/graph"));
  const graph = found.value;
  const cuts = graph?.edges.filter((edge) => edge.cut) ?? [];
  return (
    <>
      <Trouble error={found.error} />
      {cuts.length ? <Cycles cuts={cuts} /> : null}
      {graph && graph.edges.length === 0 ? (
        <p class="dim">{t`No destinations and no triggers are configured.`}</p>
      ) : null}
      {graph?.scene && graph.edges.length ? <Drawing graph={graph} scene={graph.scene} /> : null}
      {graph?.edges.length ? (
        <details open={!graph.scene}>
          <summary>{t`As a table`}</summary>
          <Edges graph={graph} />
        </details>
      ) : null}
    </>
  );
}

/** What ends the cycles: the destinations to remove, and where they are written. */
function Cycles({ cuts }: { cuts: api.Edge[] }) {
  return (
    <section class="notice" role="alert" aria-label={t`Destination cycles`}>
      <p>
        {cuts.length === 1
          ? t`Destination cycle. It ends without this:`
          : t`Destination cycles. They end without these:`}
      </p>
      <ul>
        {cuts.map((edge) => (
          <li key={keyOf(edge)}>
            {edge.via
              ? t`trigger ${edge.via} of ${edge.target} (from ${edge.source})`
              : t`${edge.outcome} of ${edge.source} (to ${edge.target})`}
            ,{" "}
            {edge.written ? (
              <>
                {t`at`} <code>{edge.written}</code>
              </>
            ) : (
              t`its place in a template is not known: it was not deployed by fc-async deploy or fc-async dev`
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Edges({ graph }: { graph: api.Graph }) {
  return (
    <List
      label={t`Where results go`}
      rows={[...graph.edges].sort((a, b) => Number(b.cyclic) - Number(a.cyclic))}
      keyOf={keyOf}
      columns={[
        { title: t`From`, kind: "id", cell: (edge) => edge.source },
        { title: t`On`, cell: wayOf },
        { title: t`To`, kind: "id", cell: (edge) => edge.target },
        { title: t`Delivered`, kind: "num", cell: (e) => (e.via ? "" : count(e.delivered)) },
        { title: t`Lost`, kind: "num", cell: (edge) => (edge.via ? "" : count(edge.lost)) },
        {
          title: t`Cycle`,
          cell: (edge) =>
            edge.cyclic ? (
              <span class="status bad">{t`cycle`}</span>
            ) : edge.waived ? (
              t`ignored by a comment`
            ) : (
              t`no`
            ),
        },
        {
          title: t`Written at`,
          cell: (edge) => (edge.written ? <code>{edge.written}</code> : ""),
        },
      ]}
    />
  );
}

function Drawing({ graph, scene }: { graph: api.Graph; scene: NonNullable<api.Graph["scene"]> }) {
  const zoom = useSignal(1);
  const wanted = useSignal("");
  const at = useSignal(-1); // the box that the pointer or the keyboard is on
  const on = useSignal(-1); // the same for routes
  const matches = (index: number): boolean =>
    graph.nodes[index]?.name.toLowerCase().includes(wanted.value.toLowerCase()) ?? false;
  const current = useSignal(-1); // the box that the search is at
  const found = wanted.value ? [...graph.nodes.keys()].filter(matches) : [];
  const canvas = useRef<HTMLDivElement>(null);
  const show = (index: number | undefined): void => {
    current.value = index ?? -1;
    canvas.current
      ?.querySelectorAll(".box")
      [index ?? -1]?.scrollIntoView({ block: "nearest", inline: "center" });
  };
  useEffect(() => show(found[0]), [wanted.value]);
  const goOn = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && found.length)
      show(found[(found.indexOf(current.value) + 1) % found.length]);
  };
  const faint = (index: number): boolean => wanted.value !== "" && !matches(index);
  const near = (route: api.Route, index: number): boolean =>
    on.value >= 0
      ? on.value === index
      : at.value < 0 || route.source === at.value || route.target === at.value;
  const counts = (name: string): string => {
    const own = graph.edges.filter((edge) => functionOf(edge.source) === functionOf(name));
    const sum = {
      delivered: own.reduce((all, edge) => all + edge.delivered, 0),
      lost: own.reduce((all, edge) => all + edge.lost, 0),
    };
    return counted(sum) || t`nothing delivered yet`;
  };
  const described = (index: number): string => {
    const edge = graph.edges[index];
    if (!edge) return "";
    const more = [
      counted(edge),
      edge.written ? t`written at ${edge.written}` : "",
      edge.cut ? t`remove this one to end the cycle` : "",
      edge.waived ? t`a comment takes it out of the search for cycles` : "",
    ].filter(Boolean);
    const head = edge.via
      ? t`${edge.source} to ${edge.target} by ${wayOf(edge)}`
      : t`${edge.source} to ${edge.target} on ${wayOf(edge)}`;
    return more.length ? `${head}: ${more.join(", ")}` : head;
  };
  const node = graph.nodes[at.value < 0 ? current.value : at.value];
  const shown =
    on.value >= 0
      ? described(on.value)
      : node
        ? `${node.name}${node.kind === "function" ? `: ${counts(node.name)}` : ""}`
        : t`Point at a node or an edge, or go through them with Tab. + and - change the size, 0 resets it.`;
  const resize = (factor: number): void => {
    zoom.value = factor ? Math.min(4, Math.max(0.2, zoom.value * factor)) : 1;
  };
  const key = (event: KeyboardEvent): void => {
    const factors: Record<string, number> = { "+": 1.25, "=": 1.25, "-": 1 / 1.25, "0": 0 };
    const factor = factors[event.key];
    if (factor === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    resize(factor);
  };
  return (
    <div class="panel graph">
      <div class="row bottom">
        <Field label={t`Find a node`}>
          <Input of={wanted} onKeyDown={goOn} />
        </Field>
        <span class="dim" role="status">
          {wanted.value ? t`${count(found.length)} found` : ""}
        </span>
        <span class="grow" />
        <Legend />
        <Button small label={t`Smaller`} onClick={() => resize(1 / 1.25)}>
          −
        </Button>
        <Button small label={t`Larger`} onClick={() => resize(1.25)}>
          +
        </Button>
      </div>
      <div
        ref={canvas}
        class="canvas"
        tabIndex={0}
        role="region"
        aria-label={t`Graph of destinations`}
        onKeyDown={key}
      >
        <svg
          width={scene.width * zoom.value}
          height={scene.height * zoom.value}
          viewBox={`0 0 ${scene.width} ${scene.height}`}
          role="group"
          aria-label={t`${graph.nodes.length} nodes, ${graph.edges.length} destinations and triggers`}
        >
          <defs>
            {["success", "failure", "trigger", "cycle"].map((kind) => (
              <marker
                key={kind}
                id={`head-${kind}`}
                class={`head ${kind}`}
                viewBox="0 0 10 10"
                refX="9"
                refY="5"
                markerWidth="9"
                markerHeight="9"
                orient="auto"
                markerUnits="userSpaceOnUse"
              >
                <path d={kind === "failure" ? "M1,1 L9,5 L1,9" : "M0,0 L10,5 L0,10 z"} />
              </marker>
            ))}
          </defs>
          {scene.routes.map((route, index) => {
            if (!route.points.length) return null; // it is in the notes of its boxes
            const points = route.points.map((point) => point.join(",")).join(" ");
            return (
              <g
                key={index}
                tabIndex={0}
                role="img"
                aria-label={described(index)}
                class={`route ${route.kind} ${route.on_cycle ? "cycle" : ""} ${near(route, index) && !(faint(route.source) && faint(route.target)) ? "" : "faint"}`}
                onMouseEnter={() => {
                  on.value = index;
                }}
                onMouseLeave={() => {
                  on.value = -1;
                }}
                onFocus={() => {
                  on.value = index;
                }}
                onBlur={() => {
                  on.value = -1;
                }}
              >
                <title>{described(index)}</title>
                <polyline class="reach" points={points} />
                <polyline
                  points={points}
                  marker-end={`url(#head-${route.on_cycle ? "cycle" : route.kind})`}
                />
                {route.label_at ? (
                  <Label at={route.label_at}>
                    {route.cut ? "✂ " : ""}
                    {labelOf(graph.edges[index])}
                  </Label>
                ) : null}
              </g>
            );
          })}
          {scene.boxes.map((box, index) => {
            const name = graph.nodes[index]?.name ?? "";
            const own = box.kind === "function" && !name.startsWith("acs:");
            const note = noteOf(graph, scene, index);
            const inside = (
              <>
                <title>
                  {[own ? `${name}: ${counts(name)}` : name, note].filter(Boolean).join(", ")}
                </title>
                <rect
                  x={box.x}
                  y={box.y}
                  width={box.width}
                  height={box.height}
                  rx={own ? 8 : box.height / 2}
                />
                <text
                  x={box.x + box.width / 2}
                  y={box.y + box.height / 2 + (note ? -3 : 5)}
                  text-anchor="middle"
                >
                  {own ? box.label : spoken(box.label)}
                </text>
                {note ? (
                  <text
                    class="note"
                    x={box.x + box.width / 2}
                    y={box.y + box.height / 2 + 14}
                    text-anchor="middle"
                  >
                    {note}
                  </text>
                ) : null}
              </>
            );
            const common = {
              class: `box ${own ? "own" : "outside"} ${faint(index) ? "faint" : ""} ${wanted.value && matches(index) ? "found" : ""} ${current.value === index ? "current" : ""}`,
              onMouseEnter: () => {
                at.value = index;
              },
              onMouseLeave: () => {
                at.value = -1;
              },
              onFocus: () => {
                at.value = index;
              },
              onBlur: () => {
                at.value = -1;
              },
            };
            return own ? (
              <a
                key={index}
                {...common}
                href={link(["functions", functionOf(name)])}
                aria-label={`${name}: ${counts(name)}`}
              >
                {inside}
              </a>
            ) : (
              <g key={index} {...common}>
                {inside}
              </g>
            );
          })}
        </svg>
      </div>
      <p class="dim under">{shown}</p>
    </div>
  );
}

/** A label on a plate, which its own edge does not run through. */
function Label({
  at: [x, y, width, height],
  children,
}: {
  at: [number, number, number, number];
  children: ComponentChildren;
}) {
  return (
    <>
      <rect class="plate" x={x} y={y} width={width} height={height} />
      <text x={x + width / 2} y={y + height - 4} text-anchor="middle">
        {children}
      </text>
    </>
  );
}

function Legend() {
  return (
    <span class="row" aria-label={t`Legend`} role="group">
      {(
        [
          ["success", t`on success`],
          ["failure", t`on failure`],
          ["trigger", t`trigger`],
          ["cycle", t`on a cycle`],
        ] as const
      ).map(([kind, text]) => (
        <span key={kind} class="legend">
          <svg width="34" height="10" aria-hidden="true">
            <g class={`route ${kind}`}>
              <polyline points="0,5 32,5" marker-end={`url(#head-${kind})`} />
            </g>
          </svg>
          {text}
        </span>
      ))}
      <span class="legend">✂ {t`ends a cycle`}</span>
    </span>
  );
}
