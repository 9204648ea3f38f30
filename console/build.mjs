// SPDX-License-Identifier: MIT
// Builds the console into the folder that is given, by default that of the package.

import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "../fc_async_local/console/static");

await mkdir(target, { recursive: true });
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { console: "src/main.tsx", theme: "src/theme.ts" },
  bundle: true,
  minify: true,
  metafile: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir: target,
  logLevel: "warning",
});
for (const name of ["index.html", "icon.svg"])
  await copyFile(join(here, "src", name), join(target, name));

// The licences of what is bundled travel with it.
const packages = new Set(
  Object.keys(metafile.inputs).flatMap(
    (file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [],
  ),
);
const licences = [...packages]
  .sort()
  .map(
    async (name) =>
      `${name}\n\n${await readFile(join(here, "node_modules", name, "LICENSE"), "utf8")}`,
  );
await writeFile(join(target, "licences.txt"), (await Promise.all(licences)).join("\n\n"));
