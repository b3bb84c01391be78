// Prints what a snapshot recommends to each of its users, bit by bit.
//
// node dump.mjs SNAPSHOT K prints a line a user, users in the order of their ids' bytes: the id, a
// tab, then `item:score` pairs with commas between them, best first; the score is the 16
// hexadecimal digits of its bits. The other languages print the same lines.
import { readFileSync } from 'node:fs';
import { argv, exit, stderr, stdout } from 'node:process';

import { Model } from '../dist/node.js';

const [path, count] = argv.slice(2);
if (path === undefined || count === undefined) {
  stderr.write('usage: dump.mjs SNAPSHOT K\n');
  exit(2);
}

const model = Model.fromBytes(readFileSync(path));
const users = model.userIds().sort((a, b) => Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b))));
const batch = model.recommend(users, { k: Number(count) });
const items = batch.itemId;
const bits = new BigUint64Array(batch.score.slice().buffer);

const lists = users.map(() => []);
batch.userRow.forEach((user, row) => {
  lists[user].push(`${items[row]}:${bits[row].toString(16).padStart(16, '0')}`);
});
stdout.write(users.map((user, row) => `${user}\t${lists[row].join(',')}\n`).join(''));
