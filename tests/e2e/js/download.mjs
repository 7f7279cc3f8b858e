// Download every file of a repo with the client of huggingface.js.
// usage: node download.mjs ENDPOINT TYPE/OWNER/NAME DIRECTORY [PATH...]
// Prints one JSON object: the files written, and those that failed with the reason.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { downloadFile, listFiles } from "@huggingface/hub";

const [hubUrl, id, directory, ...only] = process.argv.slice(2);
const [type, ...name] = id.split("/");
const repo = { type, name: name.join("/") };
const result = { written: [], failed: {} };

for await (const file of listFiles({ repo, hubUrl, recursive: true })) {
  if (file.type !== "file" || (only.length && !only.includes(file.path))) continue;
  try {
    const blob = await downloadFile({ repo, hubUrl, path: file.path });
    if (!blob) throw new Error("not found");
    const target = join(directory, file.path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, Buffer.from(await blob.arrayBuffer()));
    result.written.push(file.path);
  } catch (error) {
    result.failed[file.path] = String(error);
  }
}
console.log(JSON.stringify(result));
