/** Wrong clocks by libfaketime, where Debian's package has put it: a file says by how much a node is wrong. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The one for programs with threads, as nodes are; first where a person has put it. */
const LIBRARIES = [
  process.env.FAKETIME_LIBRARY ?? '',
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
];

export const clockLibrary = (): string | null =>
  LIBRARIES.find((path) => path !== '' && existsSync(path)) ?? null;

/** A node may go by its wrong clock for so long after it is set right. */
export const CLOCK_LAG_MS = 3000;

const fileOf = (directory: string, node: number): string => join(directory, `clock${node + 1}`);

/** The environment of a node whose clock can be set. */
export function clockEnvironment(
  library: string,
  directory: string,
  node: number,
): Readonly<Record<string, string>> {
  setClock(directory, node, 0);
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: fileOf(directory, node),
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

export function setClock(directory: string, node: number, offsetMs: number): void {
  const seconds = offsetMs / 1000;
  writeFileSync(fileOf(directory, node), `${seconds < 0 ? '' : '+'}${seconds}\n`);
}
