/** The commands that talk to a cluster, in the order of the help. */
import type { Command } from 'commander';
import { register as registerDelete } from './delete.ts';
import { register as registerGet } from './get.ts';
import { register as registerList } from './list.ts';
import { register as registerPut } from './put.ts';
import { register as registerWatch } from './watch.ts';

export function registerClientCommands(program: Command): void {
  registerGet(program);
  registerPut(program);
  registerDelete(program);
  registerList(program);
  registerWatch(program);
}
