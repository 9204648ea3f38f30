// SPDX-License-Identifier: MIT
// Metrics under CloudMonitor's names: one chart each, functions as series.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import * as api from "../api";
import { count, dateTime, duration } from "../format";
import { t, translated } from "../i18n";
import { go, link, now, route, theme, useLive } from "../state";
import { Select, Skeleton, Trouble } from "../ui";

const RANGES: Record<string, [string, number, number]> = {
  // name: text, seconds, period
  "15m": [t`Last 15 minutes`, 900, 60],
  "1h": [t`Last hour`, 3_600, 60],
  "6h": [t`Last 6 hours`, 21_600, 60],
  "1d": [t`Last day`, 86_400, 3_600],
  "7d": [t`Last 7 days`, 604_800, 3_600],
  "31d": [t`Last 31 days`, 2_678_400, 3_600],
};
const COLOURS = [
  "--series-1",
  "--series-2",
  "--series-3",
  "--series-4",
  "--series-5",
  "--series-6",
];
const INCREMENTS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8].flatMap((one) => [
  one,
  2 * one,
  5 * one,
]);
const DASHES = [[], [6, 3], [2, 3], [10, 4, 2, 4]];
const HEIGHT = 120;
const FEW = 3; // so many values are shown without being asked for

/** How a function is drawn in all charts: by its place among the names of all. */
interface Look {
  colour: string;
  dash: number[];
}
const looks = (names: Iterable<string>): Map<string, Look> =>
  new Map(
    [...new Set(names)].sort().map((name, index) => [
      name,
      {
        colour: COLOURS[index % COLOURS.length] ?? "",
        dash: DASHES[Math.floor(index / COLOURS.length) % DASHES.length] ?? [],
      },
    ]),
  );

const Swatch = ({ look }: { look: Look | undefined }) => (
  <svg class="swatch" width="32" height="3" aria-hidden="true">
    <path d="M0 1.5h32" stroke={`var(${look?.colour})`} stroke-dasharray={look?.dash.join(" ")} />
  </svg>
);

// A count of nothing is not worth a line; a wait of 0 ms is a measurement.
const counted = (one: api.Series): boolean =>
  one.unit === "ms" || Boolean(one.value) || (one.points ?? []).some((point) => point.value);

export function Metrics() {
  const { range = "1h", function: of = "" } = route.value.params;
  const [, seconds, longest] = RANGES[range] ?? ["", 3_600, 60];
  const period = route.value.params.period === "3600" || longest === 3_600 ? 3_600 : 60;
  const found = useLive(`metrics ${range} ${of} ${period}`, async () => {
    const end = (await now()) + 1;
    return api.get<api.Metrics>("/metrics", {
      period,
      function: of,
      start: Math.max(0, end - seconds * 1000),
      end,
    });
  });
  const functions = useLive("functions", api.functions);
  const names = (functions.value ?? []).map((one) => one.function.functionName);
  const steps = found.value ? stepsOf(found.value.start, found.value.end, period * 1000) : [];
  const rank = (one: api.Series): number => ["Sum", "Value"].indexOf(one.statistic) + 1 || 3; // latencies come last
  // The colour of a function follows from the names of all: none is drawn before they are known.
  const all = (functions.value || functions.error ? found.value?.metrics : null) ?? [];
  const shownSeries = all
    .filter(counted)
    .sort((a, b) => rank(a) - rank(b) || (a.function < b.function ? -1 : 1));
  const charts = Map.groupBy(shownSeries, (one) => one.metric);
  const looked = looks([...names, ...all.map((one) => one.function)]);
  const drawn = [...new Set(shownSeries.map((one) => one.function))].sort();
  const choose = (change: api.Query): void =>
    go(["metrics"], { range, function: of, period, ...change });
  return (
    <>
      <div class="row title">
        <h1>{t`Metrics`}</h1>
        <span class="grow" />
        <Select
          label={t`Time range`}
          value={range}
          options={Object.entries(RANGES).map(([name, [text]]): [string, string] => [name, text])}
          onChange={(value) => choose({ range: value, period: undefined })}
        />
        <Select
          label={t`Resolution`}
          value={String(period)}
          options={
            longest === 3_600
              ? [["3600", t`by hour`]]
              : [
                  ["60", t`by minute`],
                  ["3600", t`by hour`],
                ]
          }
          onChange={(value) => choose({ period: value })}
        />
        <Select
          label={t`Function`}
          value={of}
          options={[["", t`All functions`], ...new Set([...names, of].filter(Boolean))]}
          onChange={(value) => choose({ function: value })}
        />
        <a class="button" href="/metrics">
          {t`/metrics for Prometheus`}
        </a>
      </div>
      <Trouble error={found.error} />
      {found.value || found.error ? null : <Skeleton lines={8} />}
      {all === found.value?.metrics && charts.size === 0 ? (
        <p class="empty panel">{t`Nothing has been counted in this time.`}</p>
      ) : null}
      {drawn.length ? (
        <p class="row legends" role="group" aria-label={t`Legend`}>
          {drawn.map((name) => (
            <a
              key={name}
              class="legend"
              href={link(["metrics"], { range, period, function: name })}
            >
              <Swatch look={looked.get(name)} />
              {name || t`all`}
            </a>
          ))}
        </p>
      ) : null}
      <div class="charts">
        {[...charts].map(([metric, series]) => (
          <Chart key={metric} metric={metric} series={series} steps={steps} looked={looked} />
        ))}
      </div>
    </>
  );
}

function stepsOf(start: number, end: number, step: number): number[] {
  const found: number[] = [];
  for (let at = start - (start % step); at < end; at += step) found.push(at);
  return found;
}

const shown = (value: number | null | undefined, unit: string): string =>
  value === null || value === undefined ? "–" : unit === "ms" ? duration(value) : count(value);

/** The label of a time: the date at midnight. */
function timeOf(seconds: number): string {
  const text = dateTime(seconds * 1000);
  return text.endsWith("00:00:00") ? text.slice(5, 10) : text.slice(11, 16);
}

function Chart({
  metric,
  series,
  steps,
  looked,
}: {
  metric: string;
  series: api.Series[];
  steps: number[];
  looked: Map<string, Look>;
}) {
  const first = series[0];
  const home = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const names = JSON.stringify(series.map((one) => [one.function, looked.get(one.function)]));
  const times = [
    ...new Set([
      ...steps,
      ...series.flatMap((one) => (one.points ?? []).map((point) => point.timestamp)),
    ]),
  ].sort((a, b) => a - b);
  const none = first?.statistic === "Sum" ? 0 : null; // nothing was counted; a level or an average is unknown
  const data: uPlot.AlignedData = [
    times.map((at) => at / 1000),
    ...series.map((one) => {
      const values = new Map((one.points ?? []).map((point) => [point.timestamp, point.value]));
      return times.map((at) => values.get(at) ?? none);
    }),
  ];
  useEffect(() => {
    const element = home.current;
    if (!element) return undefined;
    const draw = (): void => {
      plot.current?.destroy();
      const colour = (name: string): string => {
        element.style.color = `var(${name})`;
        return getComputedStyle(element).color;
      };
      const axis = {
        stroke: colour("--dim"),
        grid: { stroke: colour("--line"), width: 1 },
        ticks: { stroke: colour("--line") },
      };
      plot.current = new uPlot(
        {
          width: element.clientWidth,
          height: HEIGHT,
          legend: { show: false },
          cursor: { y: false },
          scales: { y: { range: (_, __, high) => [0, Math.max(high * 1.1, 4)] } },
          axes: [
            { ...axis, size: 32, values: (_, ticks) => ticks.map(timeOf) },
            {
              ...axis,
              size: 60,
              space: 24, // a third of the plot: one step of INCREMENTS, up to 2.5 times that, fits
              incrs: INCREMENTS,
              values: (_, ticks) => ticks.map((tick) => shown(tick, first?.unit ?? "")),
            },
          ],
          series: [
            {},
            ...series.map((one) => ({
              label: one.function || t`all`,
              stroke: colour(looked.get(one.function)?.colour ?? ""),
              dash: looked.get(one.function)?.dash ?? [],
              width: 2,
              spanGaps: true,
              points: { show: none === null && (one.points ?? []).length < 2 },
              value: (_: uPlot, value: number | null) => shown(value, one.unit),
            })),
          ],
        },
        data,
        element,
      );
    };
    draw();
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resized.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      resized.disconnect();
      scheme.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names, theme.value]);
  useEffect(() => plot.current?.setData(data), [JSON.stringify(data)]);
  return (
    <figure class="panel chart">
      <figcaption>
        <b>{metric.split(/(?=[A-Z][a-z])/).flatMap((part) => [part, <wbr key={part} />])}</b>{" "}
        <span class="dim">
          {translated(first?.meaning ?? "")}, {translated(first?.statistic ?? "")}
        </span>
      </figcaption>
      <div ref={home} aria-hidden="true" />
      <details open={series.length <= FEW}>
        <summary>{t`Values`}</summary>
        <table>
          <caption class="hidden">{metric}</caption>
          <thead class="hidden">
            <tr>
              <th>{t`Function`}</th>
              <th>{t`Value`}</th>
            </tr>
          </thead>
          <tbody>
            {series.map((one) => (
              <tr key={one.function}>
                <td>
                  <Swatch look={looked.get(one.function)} />
                  {one.function || t`all`}
                </td>
                <td class="num">{shown(one.value, one.unit)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
