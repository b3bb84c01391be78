/**
 * The Node and WebAssembly sides of `cargo xtask conformance`; the forms are
 * told in `answers.rs`. MODULE is the entry of either package.
 *
 * answers.mjs MODULE train DIR OUTPUT.tm     trains from train.json
 * answers.mjs MODULE dump SNAPSHOT DIR       prints what it answers
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [module, command, first, second] = process.argv.slice(2);
const tm = await import(pathToFileURL(resolve(module)));

const view = new DataView(new ArrayBuffer(8));
function bits(value) {
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
}

/** `user_id` → `userId`, of the keys of one object. */
function camel(object) {
  const name = (key) => key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [name(key), value]));
}

/** A member of a group: an id, or an object whose history holds objects. */
function member(given) {
  if (typeof given === 'string') return given;
  const fields = camel(given);
  if (fields.history) fields.history = fields.history.map(camel);
  return fields;
}

function shown(reasons = []) {
  const one = ({ itemId, contribution, share, members = [] }) =>
    [itemId, bits(contribution), bits(share), ...members].join(':');
  return reasons.map(one).join(',');
}

async function train(folder, output) {
  const data = JSON.parse(readFileSync(join(folder, 'train.json'), 'utf8'));
  const catalog = new tm.Catalog(data.catalog.schema);
  for (const { id, attributes } of data.catalog.items) catalog.add(id, attributes);
  const model = await tm.train(camel(data.events), { catalog, options: camel(data.options) });
  writeFileSync(output, model.toBytes());
}

function dump(snapshot, folder) {
  const model = tm.Model.fromBytes(readFileSync(snapshot));
  const engine = new tm.Engine(model);
  const users = [];
  const out = [];
  const lines = readFileSync(join(folder, 'requests.jsonl'), 'utf8').trimEnd().split('\n');
  for (const [row, line] of lines.entries()) {
    const request = camel(JSON.parse(line));
    if (request.history) request.history = request.history.map(camel);
    if (request.userId !== undefined && users.at(-1) !== request.userId) users.push(request.userId);
    const answer = engine.recommend(request);
    const items = answer.items.map((item) => `${item.itemId}:${bits(item.score)}:${item.source}`);
    const reasons = answer.items.map((item) => shown(item.reasons));
    out.push(`${row}\t${items.join(',')}\t${reasons.join(';')}\t${answer.ignored.join(',')}`);
  }
  const questions = readFileSync(join(folder, 'questions.jsonl'), 'utf8').trimEnd().split('\n');
  for (const [row, line] of questions.entries()) {
    const [question, given] = JSON.parse(line);
    const request = camel(given);
    if (request.members) request.members = request.members.map(member);
    const answer = engine[Object.keys(camel({ [question]: 0 }))[0]](request);
    if (question === 'similar_users') {
      const like = answer.users.map((user) => `${user.userId}:${bits(user.similarity)}`);
      out.push(`${question} ${row}\t${like.join(',')}\t${answer.ignored.join(',')}`);
      continue;
    }
    const end = (item) => item.source ?? `${Number(item.known)}${Number(item.seen)}`;
    const items = answer.items.map((item) => `${item.itemId}:${bits(item.score)}:${end(item)}`);
    const reasons = answer.items.map((item) => shown(item.reasons));
    out.push(`${question} ${row}\t${items}\t${reasons.join(';')}\t${answer.ignored.join(',')}`);
  }
  const lists = new Map();
  for (const { userId, itemId, score } of model.recommend(users, { k: 20 })) {
    if (!lists.has(userId)) lists.set(userId, []);
    lists.get(userId).push(`${itemId}:${bits(score)}`);
  }
  for (const [user, items] of lists) out.push(`batch ${user}\t${items.join(',')}`);
  process.stdout.write(`${out.join('\n')}\n`);
}

if (command === 'train') await train(first, second);
else dump(first, second);
