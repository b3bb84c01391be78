// A module worker that answers requests from a snapshot that it is sent.
import { Engine, Model, TastemakerError, init } from '/package/web.js';

onmessage = async ({ data }) => {
  await init();
  let code;
  try {
    Model.fromBytes(new Uint8Array(3));
  } catch (error) {
    code = error instanceof TastemakerError ? error.code : String(error);
  }
  const engine = new Engine(Model.fromBytes(data.snapshot));
  postMessage({ code, answer: engine.recommend(data.request) });
};
