/**
 * Paths, which there are none of here: a file cannot be opened, whatever it is called.
 */

/**
 * What stands for Node's function of that name.
 * @internal
 */
export function fileURLToPath(url: URL): string {
  return url.href;
}
