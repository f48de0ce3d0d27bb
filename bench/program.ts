/** The `hearsay` command: the sources, or in tests the bundle that their runner has made of them. */
import { fileURLToPath } from 'node:url';

export const PROGRAM: string =
  process.env.HEARSAY_TEST_PROGRAM ?? fileURLToPath(new URL('../src/main.ts', import.meta.url));
