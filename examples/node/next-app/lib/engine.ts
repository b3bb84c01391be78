import { join } from 'node:path';
import { Engine, Model } from 'tastemaker';

// One engine a process: routes and pages are separate bundles, and reloads make new ones.
const shared = globalThis as { tastemaker?: Engine };

/** The engine of this process; the model is mapped from its file at the first call. */
export function engine(): Engine {
  shared.tastemaker ??= new Engine(Model.open(join(process.cwd(), 'movies.tm')));
  return shared.tastemaker;
}

/** What a page shows of a movie. */
export function movie(id: string) {
  const { title, year, genres } = engine().model.attributes(id) ?? {};
  return { id, title: String(title), year: year as number, genres: (genres as string[]) ?? [] };
}
