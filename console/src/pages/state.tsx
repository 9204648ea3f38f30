// SPDX-License-Identifier: MIT
// Everything that the runtime keeps: export, import, clear.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import * as api from "../api";
import { act, useLive } from "../state";
import { Button, Confirm, download, Facts } from "../ui";

/** Wait until the runtime has started again: it answers first, then restarts.
 *  It goes back to the state before if it cannot open the new one. */
async function restarted(before: { run: string }): Promise<void> {
  for (;;) {
    const now = await api.get<api.Run>("/state/run").catch(() => before);
    if ("refused" in now && now.refused)
      throw new Error(`The state before is back: ${now.refused}`);
    if (now.run !== before.run) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function StatePage() {
  const asked = useSignal<"" | "clear" | "import">("");
  const file = useRef<HTMLInputElement>(null);
  const chosen = useSignal<File | null>(null);
  const settings = useLive("settings", () => api.get<Record<string, unknown>>("/settings"));
  return (
    <>
      <h1>State</h1>
      <div class="panel">
        <p>
          Functions with their code and configuration, tasks, messages, dead events and metrics, as
          one file.
        </p>
        <div class="row">
          <Button
            kind="primary"
            onClick={() =>
              void act(async () => {
                download("fc-async-state.db", await api.file("/state"), "application/octet-stream");
                return "The state was exported.";
              })
            }
          >
            Export
          </Button>
          <Button onClick={() => file.current?.click()}>Import…</Button>
          <input
            ref={file}
            type="file"
            hidden
            aria-label="File to import"
            onChange={(event) => {
              chosen.value = event.currentTarget.files?.[0] ?? null;
              if (chosen.value) asked.value = "import";
              event.currentTarget.value = "";
            }}
          />
          <Button
            kind="danger"
            onClick={() => {
              asked.value = "clear";
            }}
          >
            Clear…
          </Button>
        </div>
        <p class="dim">
          The same on the command line: <code>fc-async local export</code>, <code>import</code> and{" "}
          <code>clear</code>.
        </p>
      </div>
      <h2>Settings</h2>
      <div class="panel">
        <Facts
          rows={Object.entries(settings.value ?? {}).map(([name, value]): [string, string] => [
            name,
            typeof value === "string" ? value : JSON.stringify(value),
          ])}
        />
      </div>
      {asked.value === "clear" ? (
        <Confirm
          title="Clear everything"
          verb="Clear"
          danger
          onClose={() => {
            asked.value = "";
          }}
          onConfirm={() =>
            void act(async () => {
              await restarted(await api.remove("/state"));
              return "Everything was cleared.";
            })
          }
        >
          <p>
            Functions, tasks, messages and metrics are deleted for good. Running attempts are broken
            off.
          </p>
        </Confirm>
      ) : null}
      {asked.value === "import" ? (
        <Confirm
          title={`Import ${chosen.value?.name ?? ""}`}
          verb="Import"
          danger
          onClose={() => {
            asked.value = "";
          }}
          onConfirm={() =>
            void act(async () => {
              if (chosen.value) await restarted(await api.upload("/state", chosen.value));
              return "The state was imported.";
            })
          }
        >
          <p>It takes the place of everything that the runtime keeps now.</p>
        </Confirm>
      ) : null}
    </>
  );
}
