// SPDX-License-Identifier: MIT
// Invokes a function: now or later, once or many times, asynchronously or not.

import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as api from "../api";
import { count, duration } from "../format";
import { t } from "../i18n";
import { isJson, pretty } from "../json";
import { act, go, taskLink, useLive } from "../state";
import {
  Button,
  Check,
  Dialog,
  Field,
  Input,
  Payload,
  Pre,
  Select,
  Skeleton,
  Status,
  Trouble,
} from "../ui";

const MOST = 1000;

export interface Given extends Partial<api.Invoke> {
  function?: string;
  replayOf?: string; // the id of a task of this function
}
export const sending = signal<Given | null>(null);
export const openSend = (given: Given): void => {
  sending.value = given;
};

export interface Template {
  name: string;
  payload: string;
}

export function SendDialog() {
  const given = sending.value;
  if (!given) return null;
  return (
    <Dialog
      wide
      title={given.replayOf ? t`Replay of ${given.replayOf}` : t`Invoke a function`}
      onClose={() => {
        sending.value = null;
      }}
    >
      <SendForm
        given={given}
        onSent={() => {
          sending.value = null;
        }}
      />
    </Dialog>
  );
}

/** Replay a task with another payload, so that both tasks name each other. */
async function replayed(name: string, id: string, edited: api.Invoke): Promise<api.Invoked> {
  const self = [{ function: name, taskId: id }];
  const { done, refused } = await api.act("replay", self, "", edited);
  if (refused[0]) throw new Error(`${refused[0].code}: ${refused[0].message}`);
  return { requestId: "", taskId: done[0]?.newTaskId ?? "" };
}

/** Put a number in place of `$i`, so that many payloads differ. */
export const numbered = (text: string, index: number): string =>
  text.replaceAll("$i", String(index));

export function SendForm({
  given,
  onSent,
  fixed = false,
}: {
  given: Given;
  onSent?: () => void;
  fixed?: boolean;
}) {
  const before = given.payload ?? '{"id": 1}';
  const found = useLive("functions", api.functions);
  const functions = found.value ?? [];
  const samples =
    useLive("samples", () => api.get<api.TriggerSamples>("/triggers/samples")).value?.samples ?? {};
  const templates = Object.entries(samples).map(
    ([kind, document]): Template => ({ name: kind, payload: JSON.stringify(document, null, 2) }),
  );
  const name = useSignal(given.function ?? "");
  const qualifier = useSignal(given.qualifier ?? "LATEST");
  const asynchronous = useSignal(true);
  const text = useSignal<string | null>(null); // null: not edited
  const encoding = useSignal<"" | "base64">(given.payloadEncoding ?? "");
  const delay = useSignal("0");
  const taskId = useSignal("");
  const many = useSignal("1");
  const busy = useSignal("");
  const answer = useSignal<api.Invoked | null>(null);
  const wrong = useSignal("");
  const area = useRef<HTMLTextAreaElement>(null);
  const open = useRef(true); // a dialog that was closed sends no more
  useEffect(
    () => () => {
      open.current = false;
    },
    [],
  );
  // What was offered first stays chosen, whatever is deployed meanwhile.
  name.value ||= functions[0]?.function.functionName ?? "";
  const target = name.value;
  const chosen = functions.find((one) => one.function.functionName === target);
  const qualifiers = [
    "LATEST",
    ...(chosen?.aliases ?? []).map((alias) => alias.aliasName),
    ...(chosen?.versions ?? []).map((version) => version.versionId),
  ];

  // Byte for byte what was given if it was not edited; with its line ends if it was: the field
  // turns every line end into one line feed.
  const payload = (): string => {
    if (text.value === null) return before;
    const carriage = before.includes("\r\n") && !/(^|[^\r])\n/.test(before);
    return carriage ? text.value.replaceAll("\n", "\r\n") : text.value;
  };

  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    wrong.value = "";
    answer.value = null;
    const body = {
      payload: payload(),
      payloadEncoding: encoding.value,
      qualifier: qualifier.value,
    };
    if (!asynchronous.value) {
      busy.value = t`Running…`;
      try {
        answer.value = await api.invoke(target, { ...body, type: "Sync" });
      } catch (error) {
        wrong.value = error instanceof Error ? error.message : String(error);
      }
      busy.value = "";
      return;
    }
    const wanted = Number(many.value);
    let sent = 0;
    let last: api.Invoked | undefined;
    await act(async () => {
      try {
        for (; sent < wanted && open.current; sent += 1) {
          busy.value = t`${count(sent)} of ${count(wanted)}…`;
          const id = taskId.value && wanted > 1 ? `${taskId.value}-${sent + 1}` : taskId.value;
          const filled =
            wanted > 1 && !encoding.value ? numbered(body.payload, sent + 1) : body.payload;
          const options = { ...body, payload: filled, delay: Number(delay.value), taskId: id };
          last = await (given.replayOf && given.function === target
            ? replayed(target, given.replayOf, options)
            : api.invoke(target, options));
        }
      } catch (error) {
        if (!open.current) throw error;
        const text = error instanceof Error ? error.message : String(error);
        wrong.value = sent
          ? t`${count(sent)} of ${count(wanted)} were accepted, then: ${text}`
          : text;
        return;
      } finally {
        busy.value = "";
      }
      const shown = open.current;
      onSent?.();
      if (onSent && last && shown) {
        if (wanted > 1) go(["invocations"], { q: `function:${target}` });
        else location.hash = taskLink(target, last.taskId ?? "");
      }
      return wanted === 1 && last
        ? t`${count(sent)} accepted: ${last.taskId ?? ""}.`
        : t`${count(sent)} accepted.`;
    });
  };

  if (!target)
    return found.value ? (
      <p class="dim">{t`There are no functions yet. Deploy one first.`}</p>
    ) : (
      <>
        <Trouble error={found.error} />
        <Skeleton lines={8} />
      </>
    );
  return (
    <form onSubmit={(event) => void send(event)}>
      <div class="grid">
        {fixed ? null : (
          <Field label={t`Function`}>
            <Select
              value={target}
              options={[...new Set([...functions.map((one) => one.function.functionName), target])]}
              onChange={(value) => {
                name.value = value;
                qualifier.value = "LATEST";
              }}
            />
          </Field>
        )}
        <Field label={t`Version or alias`}>
          <Select
            value={qualifier.value}
            options={[...new Set([...qualifiers, qualifier.value])]}
            onChange={(value) => {
              qualifier.value = value;
            }}
          />
        </Field>
        {templates.length ? (
          <Field label={t`Template`}>
            <Select
              value=""
              options={[
                ["", t`Choose an event…`],
                ...templates.map((one): [string, string] => [one.name, one.name]),
              ]}
              onChange={(value) => {
                text.value = templates.find((one) => one.name === value)?.payload ?? text.value;
                encoding.value = "";
              }}
            />
          </Field>
        ) : null}
        <Field label={t`Payload is`}>
          <Select
            value={encoding.value}
            options={[
              ["", t`text`],
              ["base64", t`base64 of bytes`],
            ]}
            onChange={(value) => {
              encoding.value = value as "" | "base64";
            }}
          />
        </Field>
      </div>
      <Field label={t`Payload`} hint={Number(many.value) > 1 ? t`$i becomes 1, 2, 3 …` : ""}>
        <textarea
          ref={area}
          spellcheck={false}
          value={text.value ?? before}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
      </Field>
      <div class="row">
        <Button
          small
          disabled={!isJson(payload())}
          onClick={() => {
            text.value = pretty(payload());
          }}
        >
          {t`Format JSON`}
        </Button>
      </div>
      <Check of={asynchronous}>{t`Asynchronous invocation`}</Check>
      <div class="grid">
        <Field label={t`Delay in seconds`}>
          <Input
            of={delay}
            type="number"
            min={0}
            max={3599}
            required
            disabled={!asynchronous.value}
          />
        </Field>
        <Field label={t`Task id`}>
          <Input
            of={taskId}
            placeholder={t`generated`}
            pattern="[A-Za-z_][A-Za-z0-9_\-]{0,127}"
            disabled={!asynchronous.value}
          />
        </Field>
        <Field label={t`How many`}>
          <Input
            of={many}
            type="number"
            min={1}
            max={MOST}
            required
            disabled={!asynchronous.value}
          />
        </Field>
      </div>
      {wrong.value ? (
        <p class="trouble" role="alert">
          {wrong.value}
        </p>
      ) : null}
      {answer.value ? (
        <div role="status">
          <p>
            {answer.value.errorType ? (
              <span class="status bad">{answer.value.errorType}</span>
            ) : (
              <Status status="Succeeded" />
            )}{" "}
            {t`in ${duration(answer.value.durationMs ?? 0)}`}
          </p>
          <Payload
            name={t`Answer`}
            file="answer"
            text={answer.value.payload}
            encoding={answer.value.payloadEncoding}
          />
          {answer.value.log ? (
            <details>
              <summary>{t`Log`}</summary>
              <Pre label={t`Log`}>{answer.value.log}</Pre>
            </details>
          ) : null}
        </div>
      ) : null}
      <div class="row end">
        <span class="dim" role="status">
          {busy.value}
        </span>
        <button type="submit" class="primary" disabled={busy.value !== ""}>
          {t`Send`}
        </button>
      </div>
    </form>
  );
}
