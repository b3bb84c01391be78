/** Reads the MovieLens files of a folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The rows of a CSV file without its header; a field may be quoted. */
function* rows(path) {
  const lines = readFileSync(path, 'utf8').split(/\r?\n/).slice(1);
  for (const line of lines) {
    if (line === '') continue;
    if (!line.includes('"')) yield line.split(',');
    else yield Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain]) =>
      quoted === undefined ? plain : quoted.replaceAll('""', '"'));
  }
}

/** `City of Lost Children, The (Cité des enfants perdus, La) (1995)` as people say it, and its year. */
function titleAndYear(text) {
  const [, name, year] = text.match(/^(.*?)\s*(?:\((\d{4})\))?\s*$/);
  const title = name.replace(/ \(.*$/, '').replace(/^(.*), (The|A|An)$/, '$2 $1');
  return { title, year: year === undefined ? undefined : Number(year) };
}

/** Ratings as columns of `rate` events, and movies with their title, year and genres. */
export function readMovieLens(folder) {
  const events = { userId: [], itemId: [], kind: [], weight: [], timestamp: [] };
  for (const [user, movie, rating, seconds] of rows(join(folder, 'ratings.csv'))) {
    events.userId.push(user);
    events.itemId.push(movie);
    events.kind.push('rate');
    events.weight.push(Number(rating));
    events.timestamp.push(Number(seconds) * 1000);
  }
  const movies = [];
  for (const [movie, text, genres] of rows(join(folder, 'movies.csv'))) {
    movies.push({
      id: movie,
      ...titleAndYear(text),
      genres: genres === '(no genres listed)' ? [] : genres.split('|'),
    });
  }
  return { events, movies };
}
