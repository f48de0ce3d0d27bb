/**
 * To be imported for its effect: processes that start keep what Node has made of the sources, which halves
 * the time that a node takes to start.
 */
import { fileURLToPath } from 'node:url';

process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('../../node_modules/.cache/compiled', import.meta.url),
);
