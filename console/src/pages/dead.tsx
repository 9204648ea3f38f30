// SPDX-License-Identifier: MIT
// Events that could not be delivered: pages, a filter, redrive and forget, one or many.

import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import * as api from "../api";
import { count, dateTime, plural } from "../format";
import { act, go, link, route, taskLink, useLive } from "../state";
import { destination } from "../targets";
import { Button, Confirm, Payload, Select, Table, Trouble } from "../ui";

const queued = (events: string): string =>
  `${events} queued to be sent again. What is given up again comes back into this list.`;

export function DeadEvents() {
  const { token = "", function: of = "", text = "" } = route.value.params;
  const filter = { function: of, text };
  const found = useLive(`dead ${token} ${of} ${text}`, () =>
    api.get<api.DeadEvents>("/deliveries/dead", { limit: 50, nextToken: token, ...filter }),
  );
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const asked = useSignal<"" | "redrive" | "forget" | "redrive-all" | "forget-all">("");
  const open = useSignal<ReadonlySet<string>>(new Set());
  const page = found.value;
  const flip = (signal: { value: ReadonlySet<string> }, id: string): void => {
    const next = new Set(signal.value);
    if (!next.delete(id)) next.add(id);
    signal.value = next;
  };
  // One that fails does not keep the others from being done, and both are counted.
  const each = (
    ids: string[],
    said: (text: string) => string,
    one: (id: string) => Promise<unknown>,
    open = false,
  ): void => {
    void act(async () => {
      const failed: [string, Error][] = [];
      for (const id of ids) await one(id).catch((error: Error) => failed.push([id, error]));
      selected.value = new Set(failed.map(([id]) => id));
      const text = said(plural(ids.length - failed.length, "event"));
      if (failed[0])
        throw new Error(
          `${text} ${count(failed.length)} failed. The first: ${failed[0][1].message}`,
        );
      return text;
    }, open);
  };
  const where = (id: string): string => `/deliveries/dead${api.path(id)}`;
  const redrive = (ids: string[]): void =>
    each(ids, queued, (id) => api.post(`${where(id)}/redrive`), true);
  const forget = (ids: string[]): void =>
    each(
      ids,
      (events) => `${events} forgotten.`,
      (id) => api.remove(where(id)),
    );
  const close = (): void => {
    asked.value = "";
  };
  const ids = [...selected.value];
  const all = `all ${plural(page?.total ?? 0, "event")}${of || text ? " that match" : ""}`;
  return (
    <>
      <div class="row title">
        <h1>Dead events</h1>
        <span class="dim" role="status">
          {page
            ? `${plural(page.total, "event")} given up${page.deliveries.length < page.total ? `, ${count(page.deliveries.length)} shown` : ""}`
            : ""}
        </span>
        <span class="grow" />
        {page?.total ? (
          <>
            <Button
              small
              onClick={() => {
                asked.value = "redrive-all";
              }}
            >
              Send all again…
            </Button>
            <Button
              small
              kind="danger"
              onClick={() => {
                asked.value = "forget-all";
              }}
            >
              Forget all…
            </Button>
          </>
        ) : null}
      </div>
      <p class="dim">
        Events that no destination took, and events of triggers, rules and subscriptions that were
        given up.
      </p>
      <Filter function={of} text={text} shown={page?.deliveries ?? []} />
      <Trouble error={found.error} />
      {page?.total === 0 ? (
        <p class="empty panel">
          {of || text ? (
            <>
              No dead event matches. <a href="#/dead">Show all</a>
            </>
          ) : (
            "Every event reached its destination."
          )}
        </p>
      ) : null}
      {page?.deliveries.length ? (
        <Table label="Dead events">
          <thead>
            <tr>
              <th class="tight">
                <input
                  type="checkbox"
                  aria-label="Select all events of this page"
                  checked={page.deliveries.every((one) => selected.value.has(one.requestId))}
                  onChange={() => {
                    selected.value = page.deliveries.every((one) =>
                      selected.value.has(one.requestId),
                    )
                      ? new Set()
                      : new Set(page.deliveries.map((one) => one.requestId));
                  }}
                />
              </th>
              <th class="tight">
                <span class="hidden">Details</span>
              </th>
              <th>Since</th>
              <th>From</th>
              <th>Outcome</th>
              <th>Destination</th>
              <th class="num">Tries</th>
              <th>Error</th>
              <th>
                <span class="hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {page.deliveries.map((one) => (
              <Fragment key={one.requestId}>
                <tr>
                  <td class="tight">
                    <input
                      type="checkbox"
                      aria-label={`Select ${one.requestId}`}
                      checked={selected.value.has(one.requestId)}
                      onChange={() => flip(selected, one.requestId)}
                    />
                  </td>
                  <td class="tight">
                    <button
                      type="button"
                      class="plain small"
                      aria-label={`Event of ${one.requestId}`}
                      aria-expanded={open.value.has(one.requestId)}
                      onClick={() => flip(open, one.requestId)}
                    >
                      {open.value.has(one.requestId) ? "▾" : "▸"}
                    </button>
                  </td>
                  <td>{dateTime(one.createdTime)}</td>
                  <td class="id">
                    {one.outcome === "event" || !one.function ? (
                      one.requestId
                    ) : (
                      <a href={taskLink(one.function, one.taskId)}>
                        {one.function} / {one.taskId}
                      </a>
                    )}
                  </td>
                  <td>{one.outcome}</td>
                  <td title={one.destination}>{destination(one.destination)}</td>
                  <td class="num">{one.tries}</td>
                  <td>{one.error}</td>
                  <td>
                    <div class="row nowrap">
                      <Button small onClick={() => redrive([one.requestId])}>
                        Send again
                      </Button>
                      <Button small kind="danger" onClick={() => forget([one.requestId])}>
                        Forget
                      </Button>
                    </div>
                  </td>
                </tr>
                {open.value.has(one.requestId) ? (
                  <tr class="more">
                    <td colSpan={9}>
                      <Payload
                        name="Event"
                        file={`event-${one.requestId}`}
                        text={one.event}
                        encoding={one.eventEncoding}
                      />
                    </td>
                  </tr>
                ) : null}
              </Fragment>
            ))}
          </tbody>
        </Table>
      ) : null}
      <div class="row">
        {token ? (
          <a class="button" href={link(["dead"], filter)}>
            ← Newest
          </a>
        ) : null}
        {page?.nextToken ? (
          <a class="button" href={link(["dead"], { ...filter, token: page.nextToken })}>
            Older →
          </a>
        ) : null}
      </div>
      {ids.length ? (
        <div class="bulk" role="toolbar" aria-label="Actions on the selected events">
          <b>{count(ids.length)} selected</b>
          <Button
            small
            onClick={() => {
              asked.value = "redrive";
            }}
          >
            Send again…
          </Button>
          <Button
            small
            kind="danger"
            onClick={() => {
              asked.value = "forget";
            }}
          >
            Forget…
          </Button>
          <Button
            small
            kind="plain"
            onClick={() => {
              selected.value = new Set();
            }}
          >
            Clear selection
          </Button>
        </div>
      ) : null}
      {asked.value === "redrive" ? (
        <Confirm
          title={`Send ${plural(ids.length, "event")} again`}
          verb="Send again"
          onClose={close}
          onConfirm={() => redrive(ids)}
        >
          <p>Each delivery starts from the beginning.</p>
        </Confirm>
      ) : null}
      {asked.value === "forget" ? (
        <Confirm
          title={`Forget ${plural(ids.length, "event")}`}
          verb="Forget"
          danger
          onClose={close}
          onConfirm={() => forget(ids)}
        >
          <p>They are deleted for good.</p>
        </Confirm>
      ) : null}
      {asked.value === "redrive-all" ? (
        <Confirm
          title={`Send ${all} again`}
          verb="Send again"
          onClose={close}
          onConfirm={() =>
            void act(
              async () =>
                queued(
                  plural(
                    (await api.post<api.Redriven>(`/deliveries/dead/redrive${api.search(filter)}`))
                      .redriven,
                    "event",
                  ),
                ),
              true,
            )
          }
        >
          <p>Each delivery starts from the beginning.</p>
        </Confirm>
      ) : null}
      {asked.value === "forget-all" ? (
        <Confirm
          title={`Forget ${all}`}
          verb="Forget"
          danger
          onClose={close}
          onConfirm={() =>
            void act(
              async () =>
                `${plural((await api.remove<api.Purged>("/deliveries/dead", filter)).purged, "event")} forgotten.`,
            )
          }
        >
          <p>They are deleted for good.</p>
        </Confirm>
      ) : null}
    </>
  );
}

function Filter({
  function: of,
  text,
  shown,
}: {
  function: string;
  text: string;
  shown: api.DeadEvent[];
}) {
  const words = useSignal(text);
  const seen = useSignal(text);
  if (seen.peek() !== text) {
    // the address changed by other means than this form
    seen.value = text;
    words.value = text;
  }
  const known =
    useLive("functions", async () => (await api.get<api.Functions>("/functions")).functions)
      .value ?? [];
  // A function that was deleted may have left events.
  const names = new Set(
    [
      ...known.map((one) => one.function.functionName),
      ...shown.map((one) => one.function),
      of,
    ].filter(Boolean),
  );
  const search = (change: api.Query): void =>
    go(["dead"], { function: of, text: words.value.trim(), ...change });
  return (
    <form
      class="query"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        search({});
      }}
    >
      <Select
        label="Function"
        value={of}
        options={[["", "All functions"], ...names]}
        onChange={(value) => search({ function: value })}
      />
      <input
        id="query"
        class="grow"
        type="search"
        aria-label="Id, outcome, destination or error contains"
        placeholder="part of an id, outcome, destination or error"
        value={words.value}
        onInput={(event) => {
          words.value = event.currentTarget.value;
        }}
      />
      <button type="submit">Search</button>
      <Button
        onClick={() => {
          words.value = "";
          go(["dead"]);
        }}
      >
        Clear
      </Button>
    </form>
  );
}
