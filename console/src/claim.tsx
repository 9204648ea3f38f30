// SPDX-License-Identifier: MIT
// A payload that came as a claim: its size and place, a download, or that it is not found any more.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { search } from "./api";
import { size } from "./format";
import { t } from "./i18n";

const NAME = "$fc-async.claim";

interface Claim {
  store: string;
  key: string;
  size: number;
}

function claimOf(text: string): Claim | undefined {
  if (!text.includes(NAME) || text.length > 4096) return undefined;
  try {
    return (JSON.parse(text) as Record<string, Claim>)[NAME];
  } catch {
    return undefined;
  }
}

/** What a payload that is a claim stands for; nothing for other payloads. */
export function Stored({ text, file }: { text: string; file: string }) {
  const claim = claimOf(text);
  const url = `/_local/payloads${search({ claim: text })}`;
  const status = useSignal(0);
  useEffect(() => {
    if (claim)
      fetch(url, { method: "HEAD" }).then(
        (answer) => {
          status.value = answer.status;
        },
        () => {},
      );
  }, [url]);
  if (!claim) return null;
  return (
    <p>
      {t`${size(claim.size)} in ${claim.store}`}{" "}
      {status.value === 404 ? <strong>{t`not found any more`}</strong> : null}
      {status.value === 200 ? (
        <a href={url} download={file}>
          {t`Download the content`}
        </a>
      ) : null}
    </p>
  );
}
