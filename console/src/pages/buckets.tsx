// SPDX-License-Identifier: MIT
// Buckets of OSS and their objects, a folder at a time; objects can be saved.

import * as api from "../api";
import { size } from "../format";
import { t } from "../i18n";
import { link, route, useLive } from "../state";
import { Facts, List, Time, Trouble } from "../ui";

const where = (bucket: string): string => `/buckets${api.path(bucket)}`;
const from = (bucket: string, prefix: string, nextToken = ""): string =>
  link(["buckets", bucket], { prefix, nextToken });

export function Buckets() {
  const [, name] = route.value.parts;
  const found = useLive("buckets", () => api.get<api.Buckets>("/buckets"));
  const chosen = found.value?.buckets.find((one) => one.name === name);
  return (
    <>
      <h1>{t`Buckets`}</h1>
      <Trouble error={found.error} />
      <List
        error={found.error}
        label={t`Buckets`}
        rows={found.value?.buckets}
        keyOf={(one) => one.name}
        chosen={chosen}
        empty={
          <p class="empty panel">
            {t`No buckets yet. Clients of OSS make them; the endpoint is printed by`}{" "}
            <code>fc-async local start</code>
          </p>
        }
        columns={[
          {
            title: t`Name`,
            cell: (one) => (
              <a
                href={link(["buckets", one.name])}
                aria-current={one === chosen ? "true" : undefined}
              >
                {one.name}
              </a>
            ),
          },
          { title: t`Created`, cell: (one) => <Time at={one.createdTime} date /> },
        ]}
      />
      {name === undefined ? null : <Objects key={name} bucket={name} />}
    </>
  );
}

function Objects({ bucket }: { bucket: string }) {
  const { prefix = "", nextToken = "" } = route.value.params;
  const found = useLive(`objects ${bucket} ${prefix} ${nextToken}`, () =>
    api.get<api.Objects>(`${where(bucket)}/objects`, { prefix, nextToken }),
  );
  const above = prefix.slice(0, prefix.lastIndexOf("/", prefix.length - 2) + 1);
  const page = found.value;
  return (
    <>
      <h2>
        {bucket}
        {prefix ? ` / ${prefix}` : ""}
      </h2>
      <Trouble error={found.error} />
      {prefix || nextToken ? (
        <p>
          <a href={from(bucket, nextToken ? prefix : above)}>
            {nextToken ? t`First page` : t`Folder above`}
          </a>
        </p>
      ) : null}
      {page?.prefixes.map((one) => (
        <p key={one}>
          <a href={from(bucket, one)}>{one.slice(prefix.length)}</a>
        </p>
      ))}
      <List
        error={found.error}
        label={t`Objects`}
        rows={page?.objects}
        keyOf={(one) => one.key}
        more={{
          label: (one) => t`Details of ${one.key}`,
          shown: (one) => (
            <Facts
              rows={[
                [t`Key`, <code>{one.key}</code>],
                ["ETag", <code>{one.etag}</code>],
                ...Object.entries(one.headers as Record<string, string>),
              ]}
            />
          ),
        }}
        empty={page?.prefixes.length ? null : <p class="dim">{t`No objects.`}</p>}
        columns={[
          { title: t`Name`, kind: "id", cell: (one) => one.key.slice(prefix.length) || one.key },
          { title: t`Size`, kind: "num", cell: (one) => size(one.size) },
          { title: t`Changed`, cell: (one) => <Time at={one.modifiedTime} date /> },
          {
            title: t`Actions`,
            untitled: true,
            cell: (one) => (
              <a
                href={`/_local${where(bucket)}/content${api.search({ key: one.key })}`}
                download={one.key.split("/").pop()}
              >
                {t`Save`}
              </a>
            ),
          },
        ]}
      />
      {page?.nextToken ? (
        <p>
          <a href={from(bucket, prefix, page.nextToken)}>{t`Next page`}</a>
        </p>
      ) : null}
    </>
  );
}
