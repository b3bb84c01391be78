// The history of the person in front of the page: an engine's profile, kept in localStorage.
import { Profile } from './tastemaker/score.js';

const KEY = 'tastemaker.history';
const USER = 'me';

/** A history that is stored whenever it changes. */
export class History {
  #engine;

  constructor(engine) {
    this.#engine = engine;
    this.#restore();
  }

  /** The id under which the engine knows the history. */
  get user() {
    return USER;
  }

  /** The events, newest first. */
  get events() {
    return Profile.fromBytes(this.#engine.profile(USER)).events.reverse();
  }

  /** Records what the person did; the next answer counts it. */
  record(itemId, kind) {
    this.#engine.record(USER, itemId, kind, { timestamp: Date.now() });
    this.#store();
  }

  /** Removes all events on one item. */
  forgetItem(itemId) {
    const profile = Profile.fromBytes(this.#engine.profile(USER));
    profile.forgetItem(itemId);
    this.#engine.erase(USER);
    this.#engine.mergeProfile(USER, profile);
    this.#store();
  }

  /** Removes everything, here and in the browser's storage. */
  forgetAll() {
    this.#engine.erase(USER);
    localStorage.removeItem(KEY);
  }

  #store() {
    const bytes = this.#engine.profile(USER);
    localStorage.setItem(KEY, btoa(String.fromCharCode(...bytes)));
  }

  #restore() {
    const stored = localStorage.getItem(KEY);
    if (stored === null) return;
    try {
      this.#engine.mergeProfile(USER, Uint8Array.from(atob(stored), (c) => c.charCodeAt(0)));
    } catch {
      // Damaged bytes are refused as a whole: begin anew.
      localStorage.removeItem(KEY);
    }
  }
}
