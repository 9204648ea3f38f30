// SPDX-License-Identifier: MIT
// The parts that pages are made of.

import { type Signal, useSignal } from "@preact/signals";
import { type ComponentChildren, Fragment, type JSX } from "preact";
import { useEffect, useId, useMemo, useRef } from "preact/hooks";
import { Stored } from "./claim";
import { bytesOf, clockTime, count, dateTime, FINAL, hexDump, kindOf } from "./format";
import { t } from "./i18n";
import { isJson, pretty, tree, type Value } from "./json";
import { act, complain, stored } from "./state";

type Children = { children?: ComponentChildren };

type Pressed<Kind> = Children & {
  onClick: () => void;
  kind?: Kind | undefined;
  small?: boolean | undefined;
  disabled?: boolean;
  label?: string;
  pressed?: boolean;
};

/** A button; one that deletes or stops something is an {@link Ask}, which asks first. */
export const Button = (props: Pressed<"primary" | "plain">) => <AnyButton {...props} />;

function AnyButton(props: Pressed<"primary" | "danger" | "plain">) {
  const classes = [props.kind ?? "", props.small ? "small" : ""].join(" ").trim();
  return (
    <button
      type="button"
      class={classes || undefined}
      disabled={props.disabled}
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.pressed}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}

export function Status({ status }: { status: string }) {
  return (
    <span class={`status ${kindOf(status)}${FINAL.includes(status) ? "" : " live"}`}>{status}</span>
  );
}

export function Time({ at, date }: { at: number; date?: boolean }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={dateTime(at)}>
      {date ? dateTime(at) : clockTime(at)}
    </time>
  );
}

export function CopyButton({
  text,
  children,
  label,
}: Children & { text: () => string; label?: string }) {
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text());
      copied.value = true;
      setTimeout(() => {
        copied.value = false;
      }, 1500);
    } catch {
      complain(new Error(t`The browser did not let the page copy.`));
    }
  };
  return (
    <button
      type="button"
      class="small"
      aria-label={copied.value ? t`Copied` : label}
      onClick={() => void copy()}
    >
      {copied.value ? t`Copied` : children}
    </button>
  );
}

/** Text that scrolls by itself, also with the keyboard. */
export const Pre = ({ label, children }: Children & { label: string }) => (
  <pre role="group" tabIndex={0} aria-label={label}>
    {children}
  </pre>
);

/** Save bytes or text as a file of the user. */
export function download(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A value of JSON as a tree: objects and lists are folded, JSON in a string is a tree of its own. */
function Tree({ value, depth }: { value: Value; depth: number }) {
  const open = useSignal(true);
  if (value.kind === "other") return <>{value.text}</>;
  if (value.kind === "string")
    return (
      <span class="text">
        "{value.inner ? <Tree value={value.inner} depth={depth} /> : value.text}"
      </span>
    );
  const [start, end] = value.kind === "object" ? ["{", "}"] : ["[", "]"];
  if (!value.entries.length) return <>{start + end}</>;
  const space = "  ".repeat(depth);
  return (
    <span class="tree">
      <button
        type="button"
        class="fold"
        aria-label={open.value ? t`Fold` : t`Unfold`}
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      />
      {start}
      {open.value
        ? value.entries.map(([key, one], index) => (
            <Fragment key={index}>
              {`${index ? "," : ""}\n${space}  `}
              {value.kind === "object" ? <b>"{key}"</b> : null}
              {value.kind === "object" ? ": " : ""}
              <Tree value={one} depth={depth + 1} />
            </Fragment>
          ))
        : ` ${count(value.entries.length)} … `}
      {open.value ? `\n${space}${end}` : end}
    </span>
  );
}

const asSent = stored("as-sent", false);

/** A payload exactly as it was sent: JSON laid out with its numbers as written, bytes as hex. */
export function Payload({
  name,
  text,
  encoding,
  file,
}: {
  name: string;
  text: string | undefined;
  encoding?: string | undefined;
  file: string;
}) {
  const binary = encoding === "base64";
  const json = !binary && text !== undefined && isJson(text);
  const value = useMemo(() => (json && !asSent.value ? tree(text) : null), [text, asSent.value]);
  const laidOut = (): string => (asSent.value ? (text ?? "") : pretty(text ?? ""));
  const shown = binary ? (
    hexDump(bytesOf(text ?? ""))
  ) : value ? (
    <Tree value={value} depth={0} />
  ) : (
    laidOut()
  );
  const save = (): void =>
    download(
      `${file}.${binary ? "bin" : json ? "json" : "txt"}`,
      binary ? bytesOf(text ?? "") : (text ?? ""),
      "application/octet-stream",
    );
  return (
    <section class="payload" aria-label={t`${name} of ${file}`}>
      <div class="row">
        <h2 class="minor">{name}</h2>
        {binary ? <span class="dim">{t`not UTF-8: bytes in hexadecimal`}</span> : null}
        <span class="grow" />
        {json ? (
          <Button
            small
            pressed={asSent.value}
            onClick={() => {
              asSent.value = !asSent.value;
            }}
          >
            {t`As sent`}
          </Button>
        ) : null}
        {text ? (
          <CopyButton
            text={() => text}
            label={binary ? t`Copy base64 of ${name}` : t`Copy ${name}`}
          >
            {binary ? t`Copy base64` : t`Copy`}
          </CopyButton>
        ) : null}
        {text ? (
          <Button small onClick={save} label={t`Download ${name}`}>
            {t`Download`}
          </Button>
        ) : null}
      </div>
      {text && !binary ? <Stored text={text} file={file} /> : null}
      {text ? <Pre label={name}>{shown}</Pre> : <p class="dim">{t`Empty.`}</p>}
    </section>
  );
}

/** A modal dialog. The browser keeps the focus in it, closes it on Escape and gives the focus back. */
export function Dialog({
  title,
  onClose,
  children,
  wide,
}: Children & { title: string; onClose: () => void; wide?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} class={wide ? "wide" : undefined} aria-labelledby={id} onClose={onClose}>
      <div class="row">
        <h2 id={id}>{title}</h2>
        <span class="grow" />
        <Button small label={t`Close`} onClick={onClose}>
          ✕
        </Button>
      </div>
      {children}
    </dialog>
  );
}

/** Ask before something that cannot be taken back, or for a reason. */
export function Confirm(
  props: Children & {
    title: string;
    verb: string;
    danger?: boolean;
    reason?: boolean;
    onClose: () => void;
    onConfirm: (reason: string) => void;
  },
) {
  const reason = useSignal("");
  const submit = (event: Event): void => {
    event.preventDefault();
    props.onClose();
    props.onConfirm(reason.value.trim());
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form onSubmit={submit}>
        {props.children}
        {props.reason ? (
          <Field label={t`Reason (is recorded with each task)`}>
            <Input of={reason} maxLength={1000} />
          </Field>
        ) : null}
        <div class="row end">
          <Button onClick={props.onClose}>{t`Cancel`}</Button>
          <button type="submit" class={props.danger ? "danger" : "primary"}>
            {props.verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function Field({
  label,
  hint,
  error,
  children,
}: {
  label: string;
  hint?: string;
  error?: string;
  children: JSX.Element;
}) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
      {hint ? <small class="dim">{hint}</small> : null}
      {error ? <small class="wrong">{error}</small> : null}
    </label>
  );
}

export function Select({
  value,
  options,
  onChange,
  label,
  small,
}: {
  value: string;
  options: (string | [string, string])[];
  onChange: (value: string) => void;
  label?: string;
  small?: boolean;
}) {
  return (
    <select
      class={small ? "small" : undefined}
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {options.map((option) => {
        const [name, text] = typeof option === "string" ? [option, option] : option;
        return (
          <option key={name} value={name}>
            {text}
          </option>
        );
      })}
    </select>
  );
}

/** An input that writes what is typed into a signal. */
export function Input({ of, ...more }: { of: Signal<string> } & JSX.IntrinsicElements["input"]) {
  return (
    <input
      {...more}
      value={of.value}
      onInput={(event) => {
        of.value = event.currentTarget.value;
      }}
    />
  );
}

export function Check({ of, children }: Children & { of: Signal<boolean> }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={of.value}
        onChange={(event) => {
          of.value = event.currentTarget.checked;
        }}
      />{" "}
      {children}
    </label>
  );
}

/** A table that scrolls by itself, so that the page does not. */
export function Table({ label, children }: Children & { label: string }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table>{children}</table>
    </div>
  );
}

export function Tabs({
  tabs,
  current,
  href,
}: {
  tabs: [string, string][];
  current: string;
  href: (tab: string) => string;
}) {
  return (
    <nav class="tabs" aria-label={t`Sections`}>
      {tabs.map(([name, text]) => (
        <a key={name} href={href(name)} aria-current={name === current ? "page" : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {rows
        .filter(
          ([, value]) => value !== undefined && value !== null && value !== "" && value !== false,
        )
        .map(([name, value]) => [<dt key={`${name}?`}>{name}</dt>, <dd key={name}>{value}</dd>])}
    </dl>
  );
}

export function Trouble({ error }: { error: Error | null }) {
  return error && !(error instanceof TypeError) ? (
    <p class="trouble" role="alert">
      {error.message}
    </p>
  ) : null;
}

export interface Column<T> {
  title: string;
  kind?: "num" | "tight" | "id" | "wrap"; // a wrapped one takes the room that is left
  untitled?: boolean; // the title is for screen readers
  cell: (row: T, index: number) => ComponentChildren;
}

/** What is selected of a list, on all its pages: nothing again when another filter is chosen. */
export function useSelection<T>(filter: string): Signal<ReadonlyMap<string, T>> {
  const of = useSignal(filter);
  const selected = useSignal<ReadonlyMap<string, T>>(new Map());
  if (of.peek() !== filter) {
    of.value = filter;
    selected.value = new Map();
  }
  return selected;
}

/** A list of a page: rows that may be selected and opened. On a phone each row is a card; while
 *  the rows are not known, there is a skeleton.
 *
 * @param error Why the rows are not known.
 * @param keyOf Tells rows apart, also after they were read again.
 * @param nameOf What a row is called by its checkbox and its button.
 * @param more What an opened row shows.
 */
export function List<T>({
  label,
  rows,
  error,
  columns,
  keyOf,
  nameOf = keyOf,
  empty,
  selected,
  more,
  chosen,
}: {
  label: string;
  rows: readonly T[] | undefined;
  error?: Error | null;
  columns: Column<T>[];
  keyOf: (row: T) => string;
  nameOf?: (row: T) => string;
  empty?: ComponentChildren;
  selected?: Signal<ReadonlyMap<string, T>>;
  more?: { label: (row: T) => string; shown: (row: T) => ComponentChildren };
  chosen?: T | undefined;
}) {
  const open = useSignal<ReadonlySet<string>>(new Set());
  if (!rows) return error ? null : <Skeleton lines={8} />;
  if (!rows.length) return <>{empty}</>;
  const all = selected && rows.every((row) => selected.value.has(keyOf(row)));
  const select = (those: readonly T[], on: boolean): void => {
    if (!selected) return;
    const next = new Map(selected.value);
    for (const row of those) on ? next.set(keyOf(row), row) : next.delete(keyOf(row));
    selected.value = next;
  };
  const flip = (key: string): void => {
    const next = new Set(open.value);
    if (!next.delete(key)) next.add(key);
    open.value = next;
  };
  const shown: Column<T>[] = [
    ...(selected
      ? [
          {
            title: t`Selection`,
            kind: "tight" as const,
            untitled: true,
            cell: (row: T) => (
              <input
                type="checkbox"
                aria-label={t`Select ${nameOf(row)}`}
                checked={selected.value.has(keyOf(row))}
                onChange={(event) => select([row], event.currentTarget.checked)}
              />
            ),
          },
        ]
      : []),
    ...(more
      ? [
          {
            title: t`Details`,
            kind: "tight" as const,
            untitled: true,
            cell: (row: T) => (
              <button
                type="button"
                class="plain small"
                aria-label={more.label(row)}
                aria-expanded={open.value.has(keyOf(row))}
                onClick={() => flip(keyOf(row))}
              >
                {open.value.has(keyOf(row)) ? "▾" : "▸"}
              </button>
            ),
          },
        ]
      : []),
    ...columns,
  ];
  return (
    <div class="scroll cards" tabIndex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {shown.map((column, index) => (
              <th key={index} class={column.kind} data-all={t`Select all of this page`}>
                {selected && index === 0 ? (
                  <input
                    type="checkbox"
                    aria-label={t`Select all of this page`}
                    checked={all}
                    onChange={() => select(rows, !all)}
                  />
                ) : (
                  <span class={column.untitled ? "hidden" : undefined}>{column.title}</span>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <Fragment key={keyOf(row)}>
              <tr
                class={row === chosen || selected?.value.has(keyOf(row)) ? "selected" : undefined}
              >
                {shown.map((column, index) => (
                  <td
                    key={index}
                    class={column.kind}
                    data-title={column.untitled ? undefined : column.title}
                  >
                    {column.cell(row, at)}
                  </td>
                ))}
              </tr>
              {more && open.value.has(keyOf(row)) ? (
                <tr class="more">
                  <td colSpan={shown.length}>{more.shown(row)}</td>
                </tr>
              ) : null}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Takes the place of what is still read; it is seen when that takes long. */
export function Skeleton({ lines }: { lines: number }) {
  return (
    <div class="skeleton" role="status" aria-label={t`Is being read`}>
      {Array.from({ length: lines }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  );
}

export function Pager({ newest, older }: { newest: string; older: string }) {
  return (
    <div class="row">
      {newest ? (
        <a class="button" href={newest}>
          {t`← Newest`}
        </a>
      ) : null}
      {older ? (
        <a class="button" href={older}>
          {t`Older →`}
        </a>
      ) : null}
    </div>
  );
}

/** What can be done with the selected rows. */
export function Bulk<T>({
  label,
  selected,
  children,
}: Children & { label: string; selected: Signal<ReadonlyMap<string, T>> }) {
  return selected.value.size ? (
    <div class="bulk" role="toolbar" aria-label={label}>
      <b>{t`${count(selected.value.size)} selected`}</b>
      {children}
      <Button
        small
        kind="plain"
        onClick={() => {
          selected.value = new Map();
        }}
      >
        {t`Clear selection`}
      </Button>
    </div>
  ) : null;
}

export interface Question {
  title: string;
  verb: string;
  text: ComponentChildren;
  danger?: boolean;
  reason?: boolean;
  work: (reason: string) => Promise<string | undefined>;
}

/** A button that asks first; the answer says what became of it. What is asked, and what is done
 *  then, stays as it was shown, whatever is read meanwhile.
 *
 * @param question Or what reads it, when the button is pressed.
 */
export function Ask({
  question,
  kind = "danger" in question && question.danger ? "danger" : undefined,
  small,
  children,
}: Children & {
  question: Question | (() => Promise<Question>);
  kind?: "primary" | "danger" | undefined;
  small?: boolean;
}) {
  const asked = useSignal<Question | null>(null);
  const ask = async (): Promise<void> => {
    try {
      asked.value = typeof question === "function" ? await question() : question;
    } catch (error) {
      complain(error);
    }
  };
  return (
    <>
      <AnyButton kind={kind} small={small} onClick={() => void ask()}>
        {children}
      </AnyButton>
      {asked.value ? (
        <Asked
          question={asked.value}
          onClose={() => {
            asked.value = null;
          }}
        />
      ) : null}
    </>
  );
}

function Asked({
  question: { text, work, ...more },
  onClose,
}: {
  question: Question;
  onClose: () => void;
}) {
  return (
    <Confirm {...more} onClose={onClose} onConfirm={(reason) => void act(() => work(reason))}>
      <p>{text}</p>
    </Confirm>
  );
}
