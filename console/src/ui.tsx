// SPDX-License-Identifier: MIT
// The parts that pages are made of.

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { bytesOf, clockTime, dateTime, FINAL, hexDump, kindOf } from "./format";
import { isJson, pretty } from "./json";
import { complain, stored } from "./state";

type Children = { children?: ComponentChildren };

export function Button(
  props: Children & {
    onClick: () => void;
    kind?: "primary" | "danger" | "plain";
    small?: boolean;
    disabled?: boolean;
    label?: string;
    pressed?: boolean;
  },
) {
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

export function Time({ at }: { at: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={dateTime(at)}>
      {clockTime(at)}
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
      complain(new Error("The browser did not let the page copy."));
    }
  };
  return (
    <button
      type="button"
      class="small"
      aria-label={copied.value ? "Copied" : label}
      onClick={() => void copy()}
    >
      {copied.value ? "Copied" : children}
    </button>
  );
}

/** Save bytes or text as a file of the user. */
export function download(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
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
  const shown =
    text === undefined ? "" : binary ? hexDump(bytesOf(text)) : asSent.value ? text : pretty(text);
  const save = (): void =>
    download(
      `${file}.${binary ? "bin" : json ? "json" : "txt"}`,
      binary ? bytesOf(text ?? "") : (text ?? ""),
      "application/octet-stream",
    );
  return (
    <section class="payload" aria-label={`${name} of ${file}`}>
      <div class="row">
        <h2 class="minor">{name}</h2>
        {binary ? <span class="dim">not UTF-8: bytes in hexadecimal</span> : null}
        <span class="grow" />
        {json ? (
          <Button
            small
            pressed={asSent.value}
            onClick={() => {
              asSent.value = !asSent.value;
            }}
          >
            As sent
          </Button>
        ) : null}
        {text ? (
          <CopyButton text={() => text} label={binary ? `Copy base64 of ${name}` : `Copy ${name}`}>
            {binary ? "Copy base64" : "Copy"}
          </CopyButton>
        ) : null}
        {text ? (
          <Button small onClick={save} label={`Download ${name}`}>
            Download
          </Button>
        ) : null}
      </div>
      {text ? (
        <pre role="group" tabIndex={0} aria-label={name}>
          {shown}
        </pre>
      ) : (
        <p class="dim">Empty.</p>
      )}
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
        <Button small label="Close" onClick={onClose}>
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
          <Field label="Reason (is recorded with each task)">
            <input
              value={reason.value}
              maxLength={1000}
              onInput={(event) => {
                reason.value = event.currentTarget.value;
              }}
            />
          </Field>
        ) : null}
        <div class="row end">
          <Button onClick={props.onClose}>Cancel</Button>
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
}: {
  value: string;
  options: (string | [string, string])[];
  onChange: (value: string) => void;
  label?: string;
}) {
  return (
    <select
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
    <nav class="tabs" aria-label="Sections">
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
