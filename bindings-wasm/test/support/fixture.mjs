// A small world for the tests: users of three tastes, and a catalog.

/** Events of users who each like most of the items of one of three groups. */
export function someEvents(users = 60, items = 30) {
  const table = { userId: [], itemId: [], kind: [], timestamp: [] };
  let state = 12345;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let user = 0; user < users; user++) {
    for (let item = 0; item < items; item++) {
      if (random() > (item % 3 === user % 3 ? 0.6 : 0.1)) continue;
      table.userId.push(`user-${user}`);
      table.itemId.push(`item-${item}`);
      table.kind.push(random() < 0.3 ? 'save' : 'view');
      table.timestamp.push(1_700_000_000_000 + table.userId.length * 60_000);
    }
  }
  return table;
}

/** A model of that world. */
export function someModel(tm, settings = {}) {
  const catalog = new tm.Catalog({ opened: 'time' });
  for (let item = 0; item < 30; item++) {
    catalog.add(`item-${item}`, {
      title: `Item ${item}`,
      tags: [`group-${item % 3}`, 'all'],
      price: item * 10,
      opened: new Date(Date.UTC(2000 + item, 0, 1)),
    });
  }
  return tm.train(someEvents(), { catalog, options: { trainer: { name: 'spectral', rank: 8 }, neighbors: 10 }, ...settings });
}
