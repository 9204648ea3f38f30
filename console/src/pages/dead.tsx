// SPDX-License-Identifier: MIT
// Events that could not be delivered: pages, a filter, redrive and forget, one or many.

import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import * as api from "../api";
import { count, dateTime, destination, plural } from "../format";
import { act, route, taskLink, useLive } from "../state";
import { Button, Confirm, Payload, Table, Trouble } from "../ui";

interface Dead {
  requestId: string;
  taskId: string;
  function: string;
  qualifier: string;
  outcome: string;
  destination: string;
  event: string;
  eventEncoding?: string;
  createdTime: number;
  tries: number;
  error: string;
}
interface Page {
  deliveries: Dead[];
  nextToken?: string;
  total: number;
}

export function DeadEvents() {
  const { token = "", function: of = "" } = route.value.params;
  const found = useLive(`dead ${token} ${of}`, () => api.get<Page>("/deliveries/dead", { limit: 50, nextToken: token, function: of }));
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const asked = useSignal<"" | "redrive" | "forget" | "redrive-all" | "forget-all">("");
  const open = useSignal<ReadonlySet<string>>(new Set());
  const page = found.value;
  const flip = (signal: { value: ReadonlySet<string> }, id: string): void => {
    const next = new Set(signal.value);
    if (!next.delete(id)) next.add(id);
    signal.value = next;
  };
  const each = (ids: string[], verb: string, one: (id: string) => Promise<unknown>): void => {
    void act(async () => {
      let done = 0;
      for (const id of ids) {
        await one(id);
        done += 1;
      }
      selected.value = new Set();
      return `${plural(done, "event")} ${verb}.`;
    });
  };
  const where = (id: string): string => `/deliveries/dead${api.path(id)}`;
  const redrive = (ids: string[]): void => each(ids, "sent again", (id) => api.post(`${where(id)}/redrive`));
  const forget = (ids: string[]): void => each(ids, "forgotten", (id) => api.remove(where(id)));
  const close = (): void => { asked.value = ""; };
  const ids = [...selected.value];
  return (
    <>
      <div class="row title"><h1>Dead events</h1><span class="dim" role="status">{page ? `${plural(page.total, "event")} given up${page.deliveries.length < page.total ? `, ${count(page.deliveries.length)} shown` : ""}` : ""}</span><span class="grow" />
        {page?.total ? <><Button small onClick={() => { asked.value = "redrive-all"; }}>Send all again…</Button><Button small kind="danger" onClick={() => { asked.value = "forget-all"; }}>Forget all…</Button></> : null}
      </div>
      <p class="dim">Events that no destination took, and events of triggers, rules and subscriptions that were given up.</p>
      <Trouble error={found.error} />
      {page?.total === 0 ? <p class="empty panel">Every event reached its destination.</p> : null}
      {page?.deliveries.length ? (
        <Table label="Dead events">
          <thead><tr>
            <th class="tight"><input type="checkbox" aria-label="Select all events of this page" checked={page.deliveries.every((one) => selected.value.has(one.requestId))} onChange={() => { selected.value = page.deliveries.every((one) => selected.value.has(one.requestId)) ? new Set() : new Set(page.deliveries.map((one) => one.requestId)); }} /></th>
            <th class="tight"><span class="hidden">Details</span></th><th>Since</th><th>From</th><th>Outcome</th><th>Destination</th><th class="num">Tries</th><th>Error</th><th><span class="hidden">Actions</span></th>
          </tr></thead>
          <tbody>{page.deliveries.map((one) => (
            <Fragment key={one.requestId}>
              <tr>
                <td class="tight"><input type="checkbox" aria-label={`Select ${one.requestId}`} checked={selected.value.has(one.requestId)} onChange={() => flip(selected, one.requestId)} /></td>
                <td class="tight"><button type="button" class="plain small" aria-label={`Event of ${one.requestId}`} aria-expanded={open.value.has(one.requestId)} onClick={() => flip(open, one.requestId)}>{open.value.has(one.requestId) ? "▾" : "▸"}</button></td>
                <td>{dateTime(one.createdTime)}</td>
                <td class="id">{one.outcome === "event" || !one.function ? one.requestId : <a href={taskLink(one.function, one.taskId)}>{one.function} / {one.taskId}</a>}</td>
                <td>{one.outcome}</td><td title={one.destination}>{destination(one.destination)}</td><td class="num">{one.tries}</td><td>{one.error}</td>
                <td><div class="row nowrap"><Button small onClick={() => redrive([one.requestId])}>Send again</Button><Button small kind="danger" onClick={() => forget([one.requestId])}>Forget</Button></div></td>
              </tr>
              {open.value.has(one.requestId) ? <tr class="more"><td colSpan={9}><Payload name="Event" file={`event-${one.requestId}`} text={one.event} encoding={one.eventEncoding} /></td></tr> : null}
            </Fragment>
          ))}</tbody>
        </Table>
      ) : null}
      <div class="row">
        {token ? <a class="button" href="#/dead">← Newest</a> : null}
        {page?.nextToken ? <a class="button" href={`#/dead${api.search({ token: page.nextToken })}`}>Older →</a> : null}
      </div>
      {ids.length ? (
        <div class="bulk" role="toolbar" aria-label="Actions on the selected events">
          <b>{count(ids.length)} selected</b>
          <Button small onClick={() => { asked.value = "redrive"; }}>Send again…</Button>
          <Button small kind="danger" onClick={() => { asked.value = "forget"; }}>Forget…</Button>
          <Button small kind="plain" onClick={() => { selected.value = new Set(); }}>Clear selection</Button>
        </div>
      ) : null}
      {asked.value === "redrive" ? <Confirm title={`Send ${plural(ids.length, "event")} again`} verb="Send again" onClose={close} onConfirm={() => redrive(ids)}><p>Each delivery starts from the beginning.</p></Confirm> : null}
      {asked.value === "forget" ? <Confirm title={`Forget ${plural(ids.length, "event")}`} verb="Forget" danger onClose={close} onConfirm={() => forget(ids)}><p>They are deleted for good.</p></Confirm> : null}
      {asked.value === "redrive-all" ? <Confirm title={`Send all ${plural(page?.total ?? 0, "event")} again`} verb="Send again" onClose={close} onConfirm={() => void act(async () => `${plural((await api.post<{ redriven: number }>("/deliveries/dead/redrive")).redriven, "event")} sent again.`)}><p>Each delivery starts from the beginning.</p></Confirm> : null}
      {asked.value === "forget-all" ? <Confirm title={`Forget all ${plural(page?.total ?? 0, "event")}`} verb="Forget" danger onClose={close} onConfirm={() => void act(async () => `${plural((await api.remove<{ purged: number }>("/deliveries/dead")).purged, "event")} forgotten.`)}><p>They are deleted for good.</p></Confirm> : null}
    </>
  );
}
