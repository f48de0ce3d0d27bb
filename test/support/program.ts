/** The `hearsay` command that tests start as a process. */
import { fileURLToPath } from 'node:url';

/** As people run it in a checkout. */
export const SOURCES = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** The bundle that the runner of the tests has made of the sources, or else the sources. */
export const PROGRAM = process.env.HEARSAY_TEST_PROGRAM ?? SOURCES;
