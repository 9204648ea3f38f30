// SPDX-License-Identifier: MIT
// Everything that the runtime keeps: export, import, clear.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import * as api from "../api";
import { duration } from "../format";
import { t } from "../i18n";
import { act, useLive } from "../state";
import { Ask, Button, Confirm, download, Facts, Skeleton, Trouble } from "../ui";

const PATIENCE_MS = 60_000;

/** Wait until the runtime has started again: it answers first, then restarts.
 *  It goes back to the state before if it cannot open the new one. */
async function restarted(before: { run: string }): Promise<void> {
  const late = new Promise<never>((_, reject) => {
    const text = t`The runtime has not come back for ${duration(PATIENCE_MS)}: look at what it printed.`;
    setTimeout(reject, PATIENCE_MS, new Error(text));
  });
  for (;;) {
    const now = await Promise.race([api.get<api.Run>("/state/run").catch(() => before), late]);
    if ("refused" in now && now.refused)
      throw new Error(t`The state before is back: ${now.refused}`);
    if (now.run !== before.run) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function StatePage() {
  const file = useRef<HTMLInputElement>(null);
  const chosen = useSignal<File | null>(null);
  const settings = useLive("settings", () => api.get<Record<string, unknown>>("/settings"));
  const picked = chosen.value;
  return (
    <>
      <h1>{t`State`}</h1>
      <div class="panel">
        <p>
          {t`Functions with their code and configuration, tasks, messages, dead events and metrics, as one file.`}
        </p>
        <div class="row">
          <Button
            kind="primary"
            onClick={() =>
              void act(async () => {
                download("fc-async-state.db", await api.file("/state"), "application/octet-stream");
                return t`The state was exported.`;
              })
            }
          >
            {t`Export`}
          </Button>
          <Button onClick={() => file.current?.click()}>{t`Import…`}</Button>
          <input
            ref={file}
            type="file"
            hidden
            aria-label={t`File to import`}
            onChange={(event) => {
              chosen.value = event.currentTarget.files?.[0] ?? null;
              event.currentTarget.value = "";
            }}
          />
          <Ask
            question={{
              title: t`Clear everything`,
              verb: t`Clear`,
              danger: true,
              text: t`Functions, tasks, messages and metrics are deleted for good. Running attempts are broken off.`,
              work: async () => {
                await restarted(await api.remove("/state"));
                return t`Everything was cleared.`;
              },
            }}
          >
            {t`Clear…`}
          </Ask>
        </div>
        <p class="dim">
          {t`The same on the command line:`} <code>fc-async local export</code>,{" "}
          <code>fc-async local import</code>, <code>fc-async local clear</code>
        </p>
      </div>
      <h2>{t`Settings`}</h2>
      <Trouble error={settings.error} />
      {settings.value ? (
        <div class="panel">
          <Facts
            rows={Object.entries(settings.value).map(([name, value]): [string, string] => [
              name,
              typeof value === "string"
                ? value
                : name.endsWith("_ms")
                  ? `${value} (${duration(Number(value))})`
                  : JSON.stringify(value),
            ])}
          />
        </div>
      ) : settings.error ? null : (
        <Skeleton lines={8} />
      )}
      {picked ? (
        <Confirm
          title={t`Import ${picked.name}`}
          verb={t`Import`}
          danger
          onClose={() => {
            chosen.value = null;
          }}
          onConfirm={() =>
            void act(async () => {
              await restarted(await api.upload("/state", picked));
              return t`The state was imported.`;
            })
          }
        >
          <p>{t`It takes the place of everything that the runtime keeps now.`}</p>
        </Confirm>
      ) : null}
    </>
  );
}
