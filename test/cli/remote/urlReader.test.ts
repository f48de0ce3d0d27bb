/** The log of a running node, read over HTTP. */
import { setTimeout as pause } from 'node:timers/promises';
import { RemoteNode } from '../../../src/cli/remote/remoteNode.ts';
import { UrlReader } from '../../../src/cli/remote/urlReader.ts';
import { readSettings } from '../../../src/node/settings.ts';
import { startNode } from '../../../src/node/startNode.ts';
import { lineReaderConformance, type ReaderOfRows } from '../../conformance/lineReader.ts';
import { temporaryDirectory } from '../../support/processes.ts';
import { putting } from '../../support/replicas.ts';

const QUIET = { info: () => {}, warn: () => {}, error: () => {} };
const TOKEN = 'the-token';
const ALL = { maxRows: 1000, maxBytes: 1e9 };

async function withReader(run: (opened: ReaderOfRows) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const flags = { dataDir: directory.path, port: '0', joinTimeoutMs: '0ms', internalToken: TOKEN };
  const node = await startNode(readSettings(flags, {}), { logger: QUIET });
  const reader = new UrlReader(new RemoteNode({ url: node.url, token: TOKEN }));
  try {
    while (!node.replica.readiness.isWritable) await pause(10);
    for (const key of ['a', 'two words', 'é/?#%41', 'b', 'c', 'd', 'e', 'a', 'b', 'a'])
      await node.replica.submit([putting(key)]);
    await run({ reader, rows: await node.replica.log.rowsAfter(0, ALL) });
  } finally {
    await reader.close();
    await node.close();
  }
}

const test = lineReaderConformance('a running node', withReader);

test.run();
