/**
 * Prints the recommendations for every stored user, with the bits of each score, so that the
 * answers of several languages can be compared byte by byte.
 *
 * usage: node test/dump.mjs SNAPSHOT K
 *
 * A line a user, users ascending by the bytes of their ids:
 * `user_id<TAB>item_id:hex16,item_id:hex16,…`, where hex16 is the score as an IEEE 754 double.
 */
import { Model } from 'tastemaker';

const [path, k] = process.argv.slice(2);
if (path === undefined || k === undefined) {
  console.error('usage: node test/dump.mjs SNAPSHOT K');
  process.exit(2);
}

const model = Model.open(path);
const bytes = (id) => Buffer.from(String(id), 'utf8');
const users = model.userIds().sort((a, b) => Buffer.compare(bytes(a), bytes(b)));
const result = model.recommend(users, { k: Number(k) });
const bits = new BigUint64Array(result.score.buffer, result.score.byteOffset, result.length);
const { itemId, userRow } = result;

const lines = users.map(() => []);
for (let row = 0; row < result.length; row++) {
  lines[userRow[row]].push(`${itemId[row]}:${bits[row].toString(16).padStart(16, '0')}`);
}
const text = users.map((user, row) => `${user}\t${lines[row].join(',')}\n`).join('');
process.stdout.write(text);
