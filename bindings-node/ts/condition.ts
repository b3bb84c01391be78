/**
 * The predicate language of filters, on plain objects.
 */
import { native } from './errors.js';
import { settingsOf, toJson } from './json.js';
import { matchesCondition as nativeMatches } from './native.js';

/** A condition in MongoDB's style, for example `{ price: { $lt: 100 }, tags: { $in: ['vegan'] } }`. */
export type Condition = { readonly [name: string]: unknown };

/** How a condition is read. */
export interface ConditionOptions {
  /** Takes an operator that is not known as one that never matches, instead of an error. */
  lenient?: boolean | undefined;
}

/**
 * Whether an object satisfies a condition.
 *
 * `groups` are the named lists that `$inGroup` and `$notInGroup` refer to. A condition that is
 * not valid fails with `invalid_condition`.
 */
export function matchesCondition(
  condition: Condition,
  attributes: { readonly [name: string]: unknown },
  groups?: { readonly [name: string]: readonly unknown[] },
  options: ConditionOptions = {},
): boolean {
  const parts = [
    toJson(condition, 'condition', 'invalid_condition'),
    toJson(attributes, 'attributes', 'invalid_attribute'),
    groups === undefined ? undefined : toJson(groups, 'groups'),
  ] as const;
  const { lenient = false } = settingsOf(options, 'options', ['lenient']);
  return native(() => nativeMatches(...parts, lenient));
}
