// SPDX-License-Identifier: MIT
// Sends the failed events in the messages of a queue, topic or bus again.

import * as api from "./api";
import { count } from "./format";
import { t } from "./i18n";
import { Ask } from "./ui";

interface Shown {
  channel: api.Channel;
  messages: api.Messages["messages"];
  where: string;
}

export function Replay({ channel, messages, where }: Shown) {
  const failed = messages.filter(
    (one) => one.summary?.outcome === "failure" && one.summary.request,
  );
  if (failed.length === 0) return null;
  const work = async (): Promise<string> => {
    const [path, query] = where.split("?");
    const ids = failed.map((one) => one.id);
    const done = await api.post<api.MessagesReplayed>(`${path}/replay?${query}`, { ids });
    const refused = Object.values(done.refused);
    return refused.length > 0
      ? t`${count(done.accepted)} accepted, ${count(refused.length)} refused: ${refused[0] ?? ""}`
      : t`${count(done.accepted)} accepted, ${count(done.before)} of them before.`;
  };
  return (
    <Ask
      small
      question={{
        title: t`Replay failed events of ${channel.name}`,
        verb: t`Replay`,
        text:
          channel.kind === "queue"
            ? t`The functions of the ${count(failed.length)} failed events below are called again with the same payloads. Accepted events leave the queue.`
            : t`The functions of the ${count(failed.length)} failed events below are called again with the same payloads, each once. The messages stay.`,
        work,
      }}
    >
      {t`Replay failed…`}
    </Ask>
  );
}
