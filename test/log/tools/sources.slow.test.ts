// time limit: 180 s
/** Every source of the tools, of one real log: its file, the lines of a thread, and the rows in memory. */
import { FileSource } from '../../../src/log/files/fileSource.ts';
import { LineThread } from '../../../src/log/files/lineThread.ts';
import { LineSource } from '../../../src/log/tools/lineSource.ts';
import type { LogSource } from '../../../src/log/tools/logSource.ts';
import { logSourceConformance, type WithSource } from '../../conformance/logSource.ts';
import { type StoryLog, withStory } from './files.ts';
import { MemorySource } from './memorySource.ts';
import { ORIGINS, START_MS } from './stories.ts';

const withSourceBy =
  (open: (log: StoryLog) => LogSource): WithSource =>
  (run) =>
    withStory(async (log) => {
      const source = open(log);
      try {
        await run({ source, rows: log.rows });
      } finally {
        await source.close();
      }
    });

const file = logSourceConformance(
  'a file',
  withSourceBy(({ path }) => FileSource.open(path, () => START_MS)),
);

const lines = logSourceConformance(
  'lines',
  withSourceBy(
    ({ path }) => new LineSource({ place: path, reader: new LineThread(path, () => ORIGINS[0]) }),
  ),
);

const memory = logSourceConformance(
  'memory',
  withSourceBy((log) => new MemorySource(log, START_MS)),
);

file.run();
lines.run();
memory.run();
