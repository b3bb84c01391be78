// The cards: a movie, and why it is there.
import { GENRES } from './movies.js';

/** Makes an element; text is always text, never markup. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'style') for (const [rule, to] of Object.entries(value)) made.style.setProperty(rule, to);
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** The colours of a movie: those of its first two genres. */
function colours({ genres }) {
  const hues = genres.map((genre) => GENRES[genre]).filter((hue) => hue !== undefined);
  const [first = 215, second = first + 24] = hues;
  return { '--hue': first, '--hue2': second };
}

/** How many reasons a card names; the others are added up. */
const NAMED = 3;

/** The reasons of a score: a bar of their shares, and their names. */
function why(item, movies) {
  if (item.source === 'popular') {
    return element('div', { className: 'why' }, element('p', { className: 'because' }, 'Popular with everybody'));
  }
  const given = item.reasons.filter((reason) => reason.contribution > 0);
  const named = given.slice(0, NAMED);
  const others = given.slice(NAMED);
  const parts = named.map((reason, at) => ({ name: movies.get(reason.itemId).title, share: reason.share, at }));
  if (others.length > 0) {
    const share = others.reduce((sum, reason) => sum + reason.share, 0);
    parts.push({ name: `${others.length} more`, share, at: NAMED });
  }
  const bar = element('div', { className: 'bar', 'aria-hidden': 'true' });
  const list = element('ul', { className: 'reasons' });
  for (const { name, share, at } of parts) {
    const percent = `${Math.round(share * 100)} %`;
    bar.append(element('span', { className: `part part${at}`, style: { 'flex-grow': Math.max(share, 0.01) } }));
    list.append(
      element('li', { className: `part${at}` }, element('span', { className: 'name' }, name), element('b', {}, percent)),
    );
  }
  return element('div', { className: 'why' }, element('p', { className: 'because' }, 'Because you chose'), bar, list);
}

/** A card; `choose` and `dismiss` are called with the movie's id. */
export function card(item, movies, { choose, dismiss }) {
  const movie = movies.get(item.itemId);
  const poster = element(
    'button',
    { className: 'poster', type: 'button', title: 'I like this', onclick: () => choose(item.itemId) },
    element('span', { className: 'year' }, movie.year === undefined ? '' : String(movie.year)),
    element('span', { className: 'title' }, movie.title),
    element('span', { className: 'genres' }, movie.genres.slice(0, 3).join(' · ')),
  );
  const close = element(
    'button',
    { className: 'dismiss', type: 'button', title: 'Not for me', onclick: () => dismiss(item.itemId) },
    '×',
  );
  close.setAttribute('aria-label', `Not for me: ${movie.title}`);
  const style = { ...colours(movie), 'view-transition-name': `movie-${item.itemId}` };
  const made = element('li', { className: 'card', style }, poster, close, why(item, movies));
  made.dataset.item = item.itemId;
  return made;
}
