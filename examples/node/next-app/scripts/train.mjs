/** Trains on MovieLens and writes movies.tm, which the application opens. */
import { join } from 'node:path';
import { Catalog, train } from 'tastemaker';

import { readMovieLens } from '../../movielens.mjs';

const app = join(import.meta.dirname, '..');
const folder = process.argv[2] ?? join(app, '..', '..', 'data', 'ml-latest-small');
const { events, movies } = readMovieLens(folder);
const catalog = new Catalog();
for (const { id, ...attributes } of movies) catalog.add(id, attributes);
const model = await train(events, { catalog, threads: 2 });
model.save(join(app, 'movies.tm'));
console.log(`movies.tm: ${model.itemCount} movies, ${model.userCount} people`);
