// The page: a snapshot, an engine, and what the person does. All of it runs here.
import { Engine, Model, init } from './tastemaker/score.js';
import { card, element } from './cards.js';
import { History } from './history.js';
import { GENRES, Movies } from './movies.js';

const COUNT = 12;
const KINDS = { like: 'liked', dismiss: 'not for me' };

const at = (id) => document.getElementById(id);

async function load() {
  const [, response] = await Promise.all([init(), fetch('data/movies-edge.tm')]);
  if (!response.ok) throw new Error(`the snapshot is not there (${response.status})`);
  const bytes = await response.arrayBuffer();
  const start = performance.now();
  const model = Model.open(bytes);
  return { model, size: bytes.byteLength, opened: performance.now() - start };
}

function show({ model, size, opened }) {
  const engine = new Engine(model);
  const history = new History(engine);
  const movies = new Movies(model);
  let genre;

  const choose = (id) => change(() => history.record(id, 'like'));
  const dismiss = (id) => change(() => history.record(id, 'dismiss'));

  /** Does something to the history, and lets the cards move to their new places. */
  function change(action) {
    action();
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (still || !document.startViewTransition) render();
    else document.startViewTransition(render);
  }

  function render() {
    const filter = genre === undefined ? undefined : { genres: { $in: [genre] } };
    const start = performance.now();
    const { items } = engine.recommend(history.user, { k: COUNT, filter, explain: true });
    const took = performance.now() - start;

    at('cards').replaceChildren(...items.map((item) => card(item, movies, { choose, dismiss })));
    at('nothing').hidden = items.length > 0;
    renderHistory();
    at('lead').textContent =
      history.events.length === 0
        ? 'Choose a few movies that you like, or find one by its title.'
        : 'Every choice counts at once. × says “not for me”.';
    const kilobytes = Math.round(size / 1024).toLocaleString('en');
    at('facts').textContent =
      `${model.itemCount.toLocaleString('en')} movies in ${kilobytes} KB, opened in ` +
      `${opened.toFixed(0)} ms; this list was scored in ${took.toFixed(1)} ms.`;
  }

  function renderHistory() {
    const events = history.events;
    at('no-history').hidden = events.length > 0;
    at('forget').hidden = events.length === 0;
    at('history').replaceChildren(
      ...events.map(({ itemId, kind }) => {
        const { title, year } = movies.get(itemId);
        const remove = element('button', { type: 'button', className: 'remove', title: 'Remove' }, '×');
        remove.setAttribute('aria-label', `Remove ${title}`);
        remove.onclick = () => change(() => history.forgetItem(itemId));
        const mark = element('span', { className: `mark ${kind}`, title: KINDS[kind] ?? kind });
        const name = element('span', { className: 'name' }, title, ' ', element('small', {}, year ?? ''));
        return element('li', {}, mark, name, remove);
      }),
    );
  }

  function renderGenres() {
    const choice = (name, value) => {
      const button = element('button', { type: 'button', onclick: () => select(value) }, name);
      button.setAttribute('aria-pressed', String(genre === value));
      if (value !== undefined) button.style.setProperty('--hue', GENRES[value]);
      return button;
    };
    at('genres').replaceChildren(
      choice('All', undefined),
      ...Object.keys(GENRES).sort().map((name) => choice(name, name)),
    );
  }

  function select(value) {
    genre = value;
    renderGenres();
    change(() => {});
  }

  function search() {
    const found = movies.find(at('search').value, 6);
    at('found').hidden = found.length === 0;
    at('found').replaceChildren(
      ...found.map(({ id, title, year }) => {
        const pick = element('button', { type: 'button' }, title, ' ', element('small', {}, year ?? ''));
        pick.onclick = () => {
          at('search').value = '';
          at('found').hidden = true;
          choose(id);
        };
        return element('li', {}, pick);
      }),
    );
  }

  at('forget').onclick = () => change(() => history.forgetAll());
  at('search').disabled = false;
  at('search').oninput = search;
  at('search').onkeydown = (event) => {
    if (event.key === 'Escape') at('found').hidden = true;
    if (event.key === 'Enter') at('found').querySelector('button')?.click();
  };
  document.addEventListener('click', (event) => {
    if (!event.target.closest('.search')) at('found').hidden = true;
  });
  renderGenres();
  render();
}

try {
  show(await load());
} catch (error) {
  at('lead').textContent = `This did not load: ${error.message}`;
  throw error;
}
