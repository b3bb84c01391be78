// The same types through `require`; only compiled, never run.
import tastemaker = require('tastemaker');

const profile: tastemaker.Profile = new tastemaker.Profile();
const bytes: Uint8Array = profile.toBytes();
const engine = new tastemaker.Engine(tastemaker.Model.open('model.tm'));
const items: tastemaker.Recommendation[] = engine.recommend('ann', { k: 3 }).items;
console.log(bytes.length, items.length);
