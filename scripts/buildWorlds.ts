/**
 * Puts the programs of worlds, the `hearsay` program and both pages into a folder, for the image of containers:
 * `node scripts/buildWorlds.ts FOLDER`.
 */
import { resolve } from 'node:path';
import { PROGRAM_ENTRIES } from './bundle.ts';
import { makeBundle, writeBundle } from './wholeBundle.ts';

const [, , folder] = process.argv;
if (folder === undefined) {
  process.stderr.write('Name the folder.\n');
  process.exit(2);
}
writeBundle(resolve(folder), await makeBundle(PROGRAM_ENTRIES));
