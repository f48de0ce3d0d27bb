/** The programs that tests start as processes: those of a bundle that the runner has made, or else sources. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** As people run it in a checkout. */
export const SOURCES = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

const bundled = process.env.HEARSAY_TEST_PROGRAM;

/** The `hearsay` command. */
export const PROGRAM = bundled ?? SOURCES;

const testProgram = (source: string, inBundle: string): string =>
  bundled === undefined
    ? fileURLToPath(new URL(source, import.meta.url))
    : join(dirname(bundled), inBundle);

/** A node into which tests put faults. */
export const SCRIPTED_NODE = testProgram('../cluster/scriptedChild.ts', 'scriptedChild.js');

/** Runs commands that share a process. */
export const COMMANDS_CHILD = testProgram('./sharedCommandsChild.ts', 'sharedCommandsChild.js');
