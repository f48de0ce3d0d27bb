/** The commands that talk to a cluster, in the order of the help. */
import type { Command } from 'commander';
import { register as registerDelete } from './cache/delete.ts';
import { register as registerGet } from './cache/get.ts';
import { register as registerList } from './cache/list.ts';
import { register as registerPut } from './cache/put.ts';
import { register as registerWatch } from './cache/watch.ts';

export function registerClientCommands(program: Command): void {
  registerGet(program);
  registerPut(program);
  registerDelete(program);
  registerList(program);
  registerWatch(program);
}
