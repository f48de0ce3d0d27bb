/** The engine's options on a real machine that are no settings. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { engineOptions } from '../../src/node/engineOptions.ts';
import { readSettings } from '../../src/node/settings.ts';

const options = suite('options of the engine');

options('claims are followed after two minutes, and once in ten minutes at most (rule 12)', () => {
  const { settings } = engineOptions(readSettings({}, {}));
  assert.is(settings.claimPatienceMs, 120_000);
  assert.is(settings.rejoinPauseMs, 600_000);
});

options.run();
