/** The thread that reads a node's log as lines, of a real file. */
import { relative } from 'node:path';
import * as assert from 'uvu/assert';
import { LineThread } from '../../../src/log/files/lineThread.ts';
import { DamagedLogError } from '../../../src/words/errors.ts';
import { lineReaderConformance } from '../../conformance/lineReader.ts';
import { tamper, withStory } from '../tools/files.ts';
import { ORIGINS } from '../tools/stories.ts';

const test = lineReaderConformance('a thread', (run) =>
  withStory(async ({ path, rows }) => {
    const reader = new LineThread(path, () => ORIGINS[0]);
    try {
      await run({ reader, rows });
    } finally {
      await reader.close();
    }
  }),
);

test('a reader of a directory that is given from here names the whole path of a damaged log', () =>
  withStory(async ({ path }) => {
    tamper(path, 'DROP TABLE meta');
    const reader = new LineThread(relative(process.cwd(), path), () => ORIGINS[0]);
    try {
      const error: unknown = await reader.facts().catch((cause: unknown) => cause);
      assert.instance(error, DamagedLogError);
      assert.ok(String(error).includes(` ${path} `), String(error));
    } finally {
      await reader.close();
    }
  }));

test.run();
