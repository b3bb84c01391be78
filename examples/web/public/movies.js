// What the snapshot knows of a movie, and finding one by its title.

/** Each genre's colour, as a hue; in the order in which a genre says most of a movie. */
export const GENRES = {
  Animation: 178,
  Documentary: 165,
  'Film-Noir': 232,
  Western: 22,
  Musical: 312,
  Horror: 352,
  'Sci-Fi': 214,
  War: 92,
  Fantasy: 284,
  Mystery: 248,
  Children: 54,
  Crime: 338,
  Romance: 326,
  Adventure: 148,
  Thriller: 236,
  Action: 6,
  Comedy: 28,
  Drama: 264,
};

/** The movies of a snapshot. */
export class Movies {
  #model;
  #known = new Map();
  #titles;

  constructor(model) {
    this.#model = model;
  }

  /** Title, year and genres of a movie. */
  get(id) {
    let movie = this.#known.get(id);
    if (movie === undefined) {
      const { title = `Movie ${id}`, year, genres = [] } = this.#model.attributes(id) ?? {};
      movie = { id, title, year, genres: telling(genres) };
      this.#known.set(id, movie);
    }
    return movie;
  }

  /** Movies whose titles have all the words; titles that begin with them come first. */
  find(text, count) {
    const words = fold(text).split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    this.#titles ??= this.#model.itemIds().map((id) => ({ id, text: fold(this.get(id).title) }));
    const start = words.join(' ');
    return this.#titles
      .filter(({ text: title }) => words.every((word) => title.includes(word)))
      .sort((a, b) => b.text.startsWith(start) - a.text.startsWith(start) || a.text.length - b.text.length)
      .slice(0, count)
      .map(({ id }) => this.get(id));
  }
}

/** The genres of a movie, the most telling one first. */
function telling(genres) {
  return Object.keys(GENRES).filter((genre) => genres.includes(genre));
}

function fold(text) {
  return text.normalize('NFD').replace(/\p{Mark}/gu, '').toLowerCase();
}
