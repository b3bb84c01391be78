/**
 * Our own JavaScript packages as vector indexes, driven by the figures:
 * ann_driver.mjs MODULE INDEX QUERIES.npy
 *
 * `search EF` answers each query with one call, as its users would, and tells the seconds that the
 * process spent on a core, and the ids that it found: {"s": …, "found": [[…], …]}.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [module, file, list] = process.argv.slice(2);
const { VectorIndex } = await import(pathToFileURL(resolve(module)));
const index = VectorIndex.fromBytes(readFileSync(file));
const bytes = readFileSync(list);
const start = 10 + bytes.readUInt16LE(8);
const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
const queries = Array.from({ length: values.length / index.dimension }, (_, row) =>
  values.subarray(row * index.dimension, (row + 1) * index.dimension),
);

for await (const line of createInterface({ input: process.stdin })) {
  const ef = Number(line.split(' ')[1]);
  const before = process.cpuUsage();
  const answers = queries.map((query) => index.search(query, { k: 10, ef }));
  const { user, system } = process.cpuUsage(before);
  const found = answers.map(({ itemId }) => itemId.map(Number));
  console.log(JSON.stringify({ s: (user + system) / 1e6, found }));
}
