/** A small world for the tests: users of three tastes, and a catalog. */
import { Catalog, train } from 'tastemaker';

/** Events of `users` users who each like most of the items of one of three groups. */
export function someEvents(users = 60, items = 30) {
  const table = { userId: [], itemId: [], kind: [], weight: [], timestamp: [] };
  let state = 12345;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let user = 0; user < users; user++) {
    for (let item = 0; item < items; item++) {
      if (random() > (item % 3 === user % 3 ? 0.6 : 0.1)) continue;
      table.userId.push(`user-${user}`);
      table.itemId.push(`item-${item}`);
      table.kind.push(random() < 0.3 ? 'save' : 'view');
      table.weight.push(1);
      table.timestamp.push(1_700_000_000_000 + table.userId.length * 60_000);
    }
  }
  return table;
}

/** A catalog for the items of {@link someEvents}. */
export function someCatalog(items = 30) {
  const catalog = new Catalog({ opened: 'time' });
  for (let item = 0; item < items; item++) {
    catalog.add(`item-${item}`, {
      title: `Item ${item}`,
      tags: [`group-${item % 3}`, 'all'],
      price: item * 10,
      opened: new Date(Date.UTC(2000 + item, 0, 1)),
    });
  }
  return catalog;
}

/** Options for small data. */
export const small = { trainer: { name: 'spectral', rank: 8 }, neighbors: 10 };

/** A model of the small world. */
export function someModel() {
  return train(someEvents(), { catalog: someCatalog(), options: small });
}

/** The code that a call, or a promise, fails with. */
export async function codeOf(work) {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    return error.code ?? error;
  }
  return 'no error';
}
