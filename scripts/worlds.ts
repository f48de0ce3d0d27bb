/**
 * `npm run worlds`: bundles the programs that it starts, if they have changed, and runs the bundle. Commands for worlds
 * that run already take the sources: a bundle takes longer to make than they do.
 */
import { dirname, join } from 'node:path';
import { COMMAND } from './bundleWorlds.ts';
import { bundleProgram } from './testProgram.ts';

const [, , word = '--'] = process.argv;
const isHelp = word === '-h' || word === '--help';
if (word.startsWith('--') && !isHelp) {
  const program = await bundleProgram();
  await import(join(dirname(program), '..', '..', COMMAND));
} else await import('../worlds/main.ts');
