/**
 * The price of tokens, in processor time of the node: a GET with a token beside one at an open node, and a wrong
 * token. 100,000 wrong tokens a minute slow the others by the part of a core that they take.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { hashText, makeSecret } from '../src/access/secret.ts';
import { writeAuthFile } from '../src/node/authFiles.ts';
import { atLeast, atMost, type Outcome, plain } from './figures.ts';
import { inTurn, type Measure } from './inTurn.ts';
import { keyOf } from './keys.ts';
import { type NodeProcess, startNode } from './nodes.ts';
import { freePorts, temporaryDirectory } from './processes.ts';
import { processorMs } from './processorTime.ts';
import { type Scale, scaled } from './scale.ts';
import { runSteady } from './steadyLoad.ts';

const KEYS = 1000;
const REQUESTS = 10_000;
/** Processor time is counted in steps of 10 ms. */
const LEAST_REQUESTS = 2000;
/** Short ones, so that the sides meet the same noise. */
const ROUNDS_FOR_ONE = 4;
const CONNECTIONS = 16;
const WRONG_PER_SECOND = 100_000 / 60;

export async function benchTokens(scale: Scale): Promise<Outcome> {
  const count = Math.max(LEAST_REQUESTS, scaled(REQUESTS, scale));
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(temporaryDirectory());
  const [token, wrong] = ['right', 'wrong'].map((id) => makeSecret(id, randomBytes(32)));
  const authFile = join(path, 'tokens.json');
  writeAuthFile(authFile, {
    version: 1,
    tokens: [{ id: 'right', hash: hashText(token ?? ''), scopes: ['read', 'write'] }],
  });
  const [openPort = 0, closedPort = 0] = await freePorts(2);
  const open = resources.use(
    await startNode({ id: 'open', port: openPort, directory: join(path, 'open') }),
  );
  const closed = resources.use(
    await startNode({
      id: 'closed',
      port: closedPort,
      directory: join(path, 'closed'),
      flags: ['--auth-file', authFile],
    }),
  );
  await fill(open, null);
  await fill(closed, token ?? '');
  const gets = (node: NodeProcess, port: number, shown: string | null, statuses: number[]) =>
    costOf(node, count, () =>
      runSteady({ port, connections: CONNECTIONS, count, statuses, next: getOf(shown) }),
    );
  const rounds = await inTurn<'open' | 'token' | 'wrong', 'microseconds'>(
    { ...scale, rounds: scale.rounds * ROUNDS_FOR_ONE },
    {
      open: gets(open, openPort, null, [200]),
      token: gets(closed, closedPort, token ?? '', [200]),
      wrong: gets(closed, closedPort, wrong ?? '', [401, 429]),
    },
  );
  const wrongUs = rounds.median('wrong', 'microseconds');
  return {
    figures: [
      plain('GET at an open node', rounds.median('open', 'microseconds'), 'µs'),
      plain('GET with a token', rounds.median('token', 'microseconds'), 'µs'),
      plain('wrong token', wrongUs, 'µs'),
      atLeast('open / with a token', rounds.ratio('open', 'token', 'microseconds'), '', 0.95),
      atMost('core of 100,000 wrong tokens a minute', (wrongUs * WRONG_PER_SECOND) / 1e6, '', 0.1),
    ],
    skipped: [],
  };
}

/** Processor time of the node for each request of the load, in microseconds. */
const costOf =
  ({ pid }: NodeProcess, count: number, run: () => Promise<void>): Measure<'microseconds'> =>
  async () => {
    const beforeMs = processorMs(pid);
    await run();
    return { microseconds: ((processorMs(pid) - beforeMs) * 1000) / count };
  };

const getOf =
  (token: string | null) =>
  (index: number): string => {
    const shown = token === null ? '' : `Authorization: Bearer ${token}\r\n`;
    return `GET /cache/${keyOf(index % KEYS)} HTTP/1.1\r\nHost: localhost\r\n${shown}\r\n`;
  };

async function fill({ url }: NodeProcess, token: string | null): Promise<void> {
  const ops = Array.from({ length: KEYS }, (_, index) => ({
    op: 'put',
    key: keyOf(index),
    value: 'x'.repeat(100),
    version: 1,
  }));
  const headers = {
    'Content-Type': 'application/json',
    ...(token !== null && { Authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(`${url}/cache`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ ops }),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
}
