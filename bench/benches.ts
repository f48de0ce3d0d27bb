/** All benches by name, in the order in which they run. */
import { benchBoot } from './boot.ts';
import { benchBulk } from './bulk.ts';
import { benchExpiry } from './expiry.ts';
import type { Outcome } from './figures.ts';
import { benchGet } from './get.ts';
import { benchGrow } from './grow.ts';
import { benchJoin } from './join.ts';
import { benchLogTools } from './logTools.ts';
import { benchMemory } from './memory.ts';
import { benchMixed } from './mixed.ts';
import { benchPause } from './pause.ts';
import { benchPropagate } from './propagate.ts';
import { benchPut } from './put.ts';
import type { Scale } from './scale.ts';
import { benchSync } from './sync.ts';
import { benchWatch } from './watch.ts';

export type Bench = (scale: Scale) => Promise<Outcome>;

export const benches: ReadonlyMap<string, Bench> = new Map<string, Bench>([
  ['get', benchGet],
  ['put', benchPut],
  ['bulk', benchBulk],
  ['mixed', benchMixed],
  ['propagate', benchPropagate],
  ['boot', benchBoot],
  ['pause', benchPause],
  ['memory', benchMemory],
  ['sync', benchSync],
  ['grow', benchGrow],
  ['join', benchJoin],
  ['expiry', benchExpiry],
  ['watch', benchWatch],
  ['logTools', benchLogTools],
]);
