// What the snapshot knows of a movie, and finding one by its title.

/** Each genre's colour, as a hue. */
export const GENRES = {
  Action: 8,
  Adventure: 28,
  Animation: 48,
  Children: 68,
  Comedy: 38,
  Crime: 350,
  Documentary: 200,
  Drama: 262,
  Fantasy: 285,
  'Film-Noir': 230,
  Horror: 340,
  Musical: 315,
  Mystery: 245,
  Romance: 330,
  'Sci-Fi': 190,
  Thriller: 218,
  War: 150,
  Western: 22,
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
      movie = { id, title, year, genres };
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

function fold(text) {
  return text.normalize('NFD').replace(/\p{Mark}/gu, '').toLowerCase();
}
