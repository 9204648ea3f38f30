// SPDX-License-Identifier: MIT
// Events that could not be delivered: by error, a filter, redrive and forget, one or many.

import { useSignal } from "@preact/signals";
import * as api from "../api";
import { count, eventCount } from "../format";
import { t, translated } from "../i18n";
import { act, go, link, route, taskLink, useLive } from "../state";
import { destination } from "../targets";
import {
  Ask,
  Bulk,
  Button,
  Input,
  List,
  Pager,
  Payload,
  type Question,
  Select,
  Time,
  Trouble,
  useSelection,
} from "../ui";

const PATIENCE_MS = 5_000;
const AT_ONCE = 6;
type Named = (number: number) => string;
const where = (id: string): string => `/deliveries/dead${api.path(id)}`;

/** Send events again, wait for the first try of each, and say what became of them.
 *
 * @param start Queues the events and returns their request ids.
 */
async function redrive(start: () => Promise<string[]>): Promise<string> {
  let { last } = await api.get<api.Steps>("/steps");
  const waiting = new Set(await start());
  const tried: api.Step[] = [];
  const until = performance.now() + PATIENCE_MS;
  while (waiting.size && performance.now() < until) {
    const found = await api.get<api.Steps>("/steps", { after: last });
    for (const step of found.steps)
      if (step.kind === "delivery" && waiting.delete(step.requestId)) tried.push(step);
    last = found.last;
    if (waiting.size) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const delivered = tried.filter((step) => step.status === "delivered").length;
  const dead = tried.filter((step) => step.status === "dead");
  const pending = tried.length - delivered - dead.length + waiting.size;
  const text = [
    delivered ? t`${eventCount(delivered)} delivered.` : "",
    pending ? t`${eventCount(pending)} not delivered yet: further tries follow.` : "",
    dead[0] ? t`${eventCount(dead.length)} given up again: ${dead[0].error ?? ""}` : "",
  ].join(" ");
  if (dead.length) throw new Error(text.trim());
  return text.trim() || t`No event was there any more.`;
}

/** Do something with each; one that fails does not keep the others from being done. */
async function each(ids: string[], one: (id: string) => Promise<unknown>): Promise<string[]> {
  const rest = [...ids];
  const done: string[] = [];
  const failed: Error[] = [];
  const work = async (): Promise<void> => {
    for (let id = rest.shift(); id !== undefined; id = rest.shift()) {
      const its = id;
      await one(its).then(
        () => done.push(its),
        (error: Error) => failed.push(error),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failed[0])
    throw new Error(
      t`${eventCount(done.length)} done, ${count(failed.length)} failed. The first: ${failed[0].message}`,
    );
  return done;
}

const redriveEach = (ids: string[]): Promise<string> =>
  redrive(() => each(ids, (id) => api.post(`${where(id)}/redrive`)));
const forgetEach = async (ids: string[]): Promise<string> =>
  t`${eventCount((await each(ids, (id) => api.remove(where(id)))).length)} forgotten.`;
const forgetting = (what: Named, ids: string[]): Question => ({
  title: t`Forget ${what(ids.length)}`,
  verb: t`Forget`,
  danger: true,
  text: t`What is forgotten is deleted for good.`,
  work: () => forgetEach(ids),
});
/** The ids of the events that match now: exactly these are acted on, also if others follow. */
const matching = async (filter: api.Query): Promise<string[]> =>
  (await api.get<api.DeadCounts>("/deliveries/dead/counts", { ...filter, ids: true })).requestIds ??
  [];

/** The two buttons for some events.
 *
 * @param ids Reads which events they are, when a button is pressed.
 * @param what Names so many events.
 * @param done Is called before they are acted on.
 */
function Both({
  ids,
  what,
  texts: [again, forget],
  done,
}: {
  ids: () => Promise<string[]>;
  what: Named;
  texts: [string, string];
  done?: () => void;
}) {
  const asking =
    (about: (what: Named, ids: string[]) => Question) => async (): Promise<Question> => {
      const { work, ...question } = about(what, await ids());
      return {
        ...question,
        work: (reason) => {
          done?.();
          return work(reason);
        },
      };
    };
  return (
    <>
      <Ask
        small
        question={asking((what, those) => ({
          title: t`Send ${what(those.length)} again`,
          verb: t`Send again`,
          text: t`Each delivery starts from the beginning.`,
          work: () => redriveEach(those),
        }))}
      >
        {again}
      </Ask>
      <Ask small kind="danger" question={asking(forgetting)}>
        {forget}
      </Ask>
    </>
  );
}

export function DeadEvents() {
  const { token = "", ...params } = route.value.params;
  const { function: of = "", text = "", error = "" } = params;
  const filter = { function: of, text, error };
  const filtered = Boolean(of || text || error);
  const key = JSON.stringify(filter);
  const found = useLive(`dead ${token} ${key}`, () =>
    api.get<api.DeadEvents>("/deliveries/dead", {
      limit: 50,
      nextToken: token,
      withoutTotal: true,
      ...filter,
    }),
  );
  const counts = useLive(
    `dead counts ${key}`,
    () => api.get<api.DeadCounts>("/deliveries/dead/counts", filter),
    found,
  ).value;
  const selected = useSelection<api.DeadEvent>(key);
  const page = found.value?.deliveries;
  return (
    <>
      <div class="row title">
        <h1>{t`Dead events`}</h1>
        <span class="dim" role="status">
          {counts && page
            ? t`${eventCount(counts.total, counts.atLeast)} given up` +
              (page.length < counts.total ? t`, ${count(page.length)} shown` : "")
            : ""}
        </span>
        <span class="grow" />
        {page?.length ? (
          <Both
            ids={() => matching(filter)}
            what={(n) =>
              filtered ? t`all ${count(n)} events that match` : t`all ${count(n)} events`
            }
            texts={[t`Send all again…`, t`Forget all…`]}
          />
        ) : null}
      </div>
      <p class="dim">
        {t`Events that could not be delivered: to destinations, and by triggers, rules and subscriptions.`}
      </p>
      <Filter filter={filter} shown={page ?? []} />
      <Trouble error={found.error} />
      {counts && (counts.groups.length > 1 || error) ? (
        <List
          label={t`Dead events by error`}
          rows={counts.groups}
          keyOf={(group) => group.error}
          columns={[
            { title: t`Events`, kind: "num", cell: (group) => count(group.events) },
            {
              title: t`Error`,
              cell: (group) =>
                error ? (
                  <>
                    {group.error}{" "}
                    <a href={link(["dead"], { ...filter, error: "" })}>{t`Show all`}</a>
                  </>
                ) : (
                  <a href={link(["dead"], { ...filter, error: group.error })}>{group.error}</a>
                ),
            },
            {
              title: t`Actions`,
              untitled: true,
              cell: (group) => (
                <div class="row nowrap">
                  <Both
                    ids={() => matching({ ...filter, error: group.error })}
                    what={(n) => t`${eventCount(n)} with this error`}
                    texts={[t`Send again…`, t`Forget…`]}
                  />
                </div>
              ),
            },
          ]}
        />
      ) : null}
      <List
        error={found.error}
        label={t`Dead events`}
        rows={page}
        keyOf={(one) => one.requestId}
        selected={selected}
        more={{
          label: (one) => t`Event of ${one.requestId}`,
          shown: (one) => (
            <Payload
              name={t`Event`}
              file={`event-${one.requestId}`}
              text={one.event}
              encoding={one.eventEncoding}
            />
          ),
        }}
        empty={
          <p class="empty panel">
            {filtered ? (
              <>
                {t`No dead event matches.`} <a href="#/dead">{t`Show all`}</a>
              </>
            ) : (
              t`No dead events.`
            )}
          </p>
        }
        columns={[
          { title: t`At`, cell: (one) => <Time at={one.createdTime} date /> },
          {
            title: t`From`,
            kind: "id",
            cell: (one) =>
              one.outcome === "event" || !one.function ? (
                one.requestId
              ) : (
                <a href={taskLink(one.function, one.taskId)}>
                  {one.function} / {one.taskId}
                </a>
              ),
          },
          { title: t`Outcome`, cell: (one) => translated(one.outcome) },
          {
            title: t`Destination`,
            cell: (one) => <span title={one.destination}>{destination(one.destination)}</span>,
          },
          { title: t`Tries`, kind: "num", cell: (one) => one.tries },
          { title: t`Error`, kind: "wrap", cell: (one) => one.error },
          {
            title: t`Actions`,
            untitled: true,
            cell: ({ requestId }) => (
              <div class="row nowrap">
                <Button small onClick={() => void act(() => redriveEach([requestId]))}>
                  {t`Send again`}
                </Button>
                <Ask small kind="danger" question={forgetting(eventCount, [requestId])}>
                  {t`Forget…`}
                </Ask>
              </div>
            ),
          },
        ]}
      />
      <Pager
        newest={token && link(["dead"], filter)}
        older={
          found.value?.nextToken ? link(["dead"], { ...filter, token: found.value.nextToken }) : ""
        }
      />
      <Bulk label={t`Actions on the selected events`} selected={selected}>
        <Both
          ids={async () => [...selected.value.keys()]}
          what={eventCount}
          texts={[t`Send again…`, t`Forget…`]}
          done={() => {
            selected.value = new Map();
          }}
        />
      </Bulk>
    </>
  );
}

function Filter({
  filter,
  shown,
}: {
  filter: { function: string; text: string };
  shown: api.DeadEvent[];
}) {
  const { function: of, text } = filter;
  const words = useSignal(text);
  const seen = useSignal(text);
  if (seen.peek() !== text) {
    // the address changed by other means than this form
    seen.value = text;
    words.value = text;
  }
  const known = useLive("functions", api.functions).value ?? [];
  // A function that was deleted may have left events.
  const names = new Set(
    [
      ...known.map((one) => one.function.functionName),
      ...shown.map((one) => one.function),
      of,
    ].filter(Boolean),
  );
  const search = (change: api.Query): void =>
    go(["dead"], { ...filter, text: words.value.trim(), ...change });
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
        label={t`Function`}
        value={of}
        options={[["", t`All functions`], ...names]}
        onChange={(value) => search({ function: value })}
      />
      <Input
        of={words}
        id="query"
        class="grow"
        type="search"
        aria-label={t`Id, outcome, destination or error contains`}
        placeholder={t`part of an id, outcome, destination or error`}
      />
      <button type="submit">{t`Search`}</button>
      <Button
        onClick={() => {
          words.value = "";
          go(["dead"]);
        }}
      >
        {t`Clear`}
      </Button>
    </form>
  );
}
