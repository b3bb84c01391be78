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

/** How many lines of reasons a card has; what does not fit is added up in the last one. */
const LINES = 4;

/** The reasons of a score: a bar of their shares, and their names. */
function why(item, movies) {
  if (item.source === 'popular') {
    return element('div', { className: 'why' }, element('p', { className: 'because' }, 'Popular with everybody'));
  }
  const fits = item.reasons.length <= LINES;
  const named = fits ? item.reasons : item.reasons.slice(0, LINES - 1);
  const others = fits ? [] : item.reasons.slice(LINES - 1);
  const parts = named.map((reason, at) => ({ name: movies.get(reason.itemId).title, share: reason.share, at }));
  if (others.length > 0) {
    const share = others.reduce((sum, reason) => sum + reason.share, 0);
    parts.push({ name: `${others.length} more`, share, at: LINES - 1 });
  }
  const bar = element('div', { className: 'bar', 'aria-hidden': 'true' });
  const list = element('ul', { className: 'reasons' });
  for (const { name, share, at } of parts) {
    // What was dismissed takes away: its share is negative, and has no place in the bar.
    if (share > 0) bar.append(element('span', { className: `part part${at}`, style: { 'flex-grow': share } }));
    const percent = `${share < 0 ? '−' : ''}${Math.abs(Math.round(share * 100))} %`;
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
    element('span', { className: 'genres' }, movie.genres.slice(0, 2).join(' · ')),
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
