/** The thread that reads a node's log as lines, of a real file. */
import { LineThread } from '../../../src/log/files/lineThread.ts';
import { lineReaderConformance } from '../../conformance/lineReader.ts';
import { withStory } from '../tools/files.ts';
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

test.run();
