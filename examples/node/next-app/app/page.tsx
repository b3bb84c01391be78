import { revalidatePath } from 'next/cache';
import { engine, movie } from '../lib/engine';

const USER = '206';

/** Records a click; the page that comes back has counted it. */
async function click(form: FormData) {
  'use server';
  engine().record(USER, String(form.get('item')), 'click', { timestamp: new Date() });
  revalidatePath('/');
}

/** Rendered on the server for each request, in the time that one recommendation takes. */
export const dynamic = 'force-dynamic';

export default function Page() {
  const { items } = engine().recommend(USER, { k: 8, explain: true });
  return (
    <main>
      <h1>What to watch</h1>
      <p>For user {USER}. A click changes the next page.</p>
      <ol>
        {items.map(({ itemId, reasons }) => {
          const { id, title, year, genres } = movie(String(itemId));
          const because = reasons.slice(0, 2).map((reason) => movie(String(reason.itemId)).title);
          return (
            <li key={id} style={{ marginBottom: '1rem' }}>
              <form action={click}>
                <button name="item" value={id}>{title}</button> {year}
                <br />
                <small>{genres.join(', ')}{because.length > 0 && ` · because of ${because.join(' and ')}`}</small>
              </form>
            </li>
          );
        })}
      </ol>
    </main>
  );
}
