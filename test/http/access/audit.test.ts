/** The audit log: which acts it tells, and that it tells no secret and holds up nobody. */
import { readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { COUNT_MS, WrongTokens } from '../../../src/access/audit.ts';
import { AuditLog } from '../../../src/node/auditLog.ts';
import { completeSettings } from '../../../src/node/settings.ts';
import { temporaryDirectory, waitFor } from '../../support/processes.ts';
import { bearer, guardedNode, makeToken } from './guardedNode.ts';

const audit = suite('audit log');

type Line = Record<string, unknown>;

const linesOf = (file: string): Line[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

audit('acts of operators, refusals of them, wrong tokens and reloads are told', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'audit.log');
  const [ops, reader] = [makeToken(['log', 'admin', 'write']), makeToken(['read'])];
  await using server = await guardedNode([ops, reader], { auditLog: file });
  const ask = async (method: string, path: string, token: string | null): Promise<void> => {
    await (await fetch(server.url + path, { method, headers: bearer(token) })).arrayBuffer();
  };
  await ask('POST', '/_log/compact', ops.token);
  await ask('POST', '/_log/compact', reader.token);
  await ask('GET', '/_log/rows?key=a%0A%22&limit=1', ops.token);
  await ask('DELETE', '/cache?prefix=a', ops.token);
  await ask('GET', '/cache/a', reader.token);
  for (let count = 0; count < 3; count++) await ask('GET', '/cache/a', 'hsy_wrong');
  server.write([ops]);
  server.node.reload();
  const told = () =>
    linesOf(file).map(({ caller, action, target, status }) =>
      [caller, action, target, status].filter((one) => one !== undefined),
    );
  const wanted = [
    [ops.row.id, 'POST', '/_log/compact', 200],
    [reader.row.id, 'POST', '/_log/compact', 403],
    [ops.row.id, 'GET', '/_log/rows?key=a%0A%22&limit=1', 200],
    [ops.row.id, 'DELETE', '/cache?prefix=a', 200],
    ['unknown', 'wrong-token'],
    ['node', 'tokens-read'],
  ];
  const isTold = () => told().filter(([caller]) => caller !== 'node').length >= wanted.length - 1;
  await waitFor(isTold, 10_000, 'the lines');
  await waitFor(() => told().some(([, action]) => action === 'tokens-read'), 10_000, 'the reload');
  const reload = linesOf(file).find(({ action }) => action === 'tokens-read');
  assert.match(String(reload?.detail), `removed ${reader.row.id}`);
  for (const one of wanted)
    assert.ok(
      told().some((line) => JSON.stringify(line) === JSON.stringify(one)),
      JSON.stringify(one),
    );
  assert.not.ok(told().some(([, , target]) => target === '/cache/a'));
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.not.match(readFileSync(file, 'utf8'), /hsy_/);
  renameSync(file, `${file}.1`);
  server.node.reload();
  await ask('GET', '/_log', ops.token);
  await waitFor(() => linesOf(file).some(({ target }) => target === '/_log'), 10_000, 'a new file');
});

audit(
  'who joins, goes and is refused among the nodes is told, and nothing else of them',
  async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'audit.log');
    const log = new AuditLog(file, completeSettings({}), () => {});
    for (const event of [
      'joins',
      'retires',
      'rejoins',
      'refuses-for-a-while',
      'connected',
      'shedding',
    ])
      log.note(`of ${event}`, { event, peer: 'node2', origin: 'node2.abcdef' });
    log.note('of no origin', { event: 'refused', peer: 'node3' });
    await log.close();
    assert.equal(
      linesOf(file).map(({ time, node, ...line }) => [typeof time, node, ...Object.values(line)]),
      [
        ['joins', 'node2.abcdef', 'of joins'],
        ['retires', 'node2.abcdef', 'of retires'],
        ['rejoins', 'node2.abcdef', 'of rejoins'],
        ['refuses-for-a-while', 'node2.abcdef', 'of refuses-for-a-while'],
        ['refused', 'node3', 'of no origin'],
      ].map(([action, target, detail]) => [
        'string',
        'node1',
        'node',
        null,
        action,
        detail,
        target,
      ]),
    );
  },
);

audit('a peer that shows a wrong token is told as wrong tokens are', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'audit.log');
  await using server = await guardedNode([], { auditLog: file });
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/gossip`, {
    headers: { 'X-Internal-Token': 'a-guess-of-a-peer' },
  });
  socket.on('error', () => {});
  const told = () => linesOf(file).filter(({ action }) => action === 'wrong-token');
  await waitFor(() => told().length === 1, 10_000, 'the line');
  const [{ caller, address, count } = {}] = told();
  assert.equal([caller, address, count], ['unknown', '127.0.0.1', 1]);
  assert.not.match(readFileSync(file, 'utf8'), /a-guess/);
});

audit('wrong tokens are told once, then as one count a minute', () => {
  const told: unknown[] = [];
  const wrong = new WrongTokens(({ count, address }) => told.push([count, address]));
  for (let index = 0; index < 5; index++) wrong.note(`10.0.0.${index}`, index);
  wrong.tell(COUNT_MS - 1);
  assert.equal(told, [[1, '10.0.0.0']]);
  wrong.tell(COUNT_MS);
  wrong.tell(10 * COUNT_MS);
  assert.equal(told, [
    [1, '10.0.0.0'],
    [4, '10.0.0.4'],
  ]);
});

audit(
  'lines beyond the bound are dropped and counted, and so are those that can not be written',
  async () => {
    await using directory = await temporaryDirectory();
    const warnings: string[] = [];
    const settings = completeSettings({ limits: { maxAuditBufferBytes: 1000 } });
    const open = (path: string) => new AuditLog(path, settings, (text) => warnings.push(text));
    const log = open(join(directory.path, 'audit.log'));
    for (let index = 0; index < 100; index++)
      log.write({ caller: 'a', address: null, action: 'x'.repeat(50) });
    assert.ok(log.dropped > 80 && log.dropped < 100, String(log.dropped));
    await log.close();
    assert.is(linesOf(join(directory.path, 'audit.log')).length, 100 - log.dropped);
    const lost = open(join(directory.path, 'none', 'audit.log'));
    await waitFor(() => warnings.length === 1, 10_000, 'the warning');
    lost.write({ caller: 'a', address: null, action: 'x' });
    assert.is(lost.dropped, 2);
    await lost.close();
  },
);

audit('with audit-writes each write is told by its key and op id, and no value is', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'audit.log');
  const writer = makeToken(['read', 'write']);
  await using server = await guardedNode([writer], { auditLog: file, auditWrites: true });
  const send = async (method: string, path: string, body?: string, type = 'application/json') => {
    const headers = { ...bearer(writer.token), 'Content-Type': type };
    const response = await fetch(server.url + path, { method, headers, ...(body && { body }) });
    assert.is(response.status, 200, await response.text());
  };
  const put = '{"op":"put","key":"c","value":"secret","version":1}';
  await send('PUT', '/cache/a%0A%22', '{"value":"secret","version":1}');
  await send('GET', '/cache/a%0A%22');
  await send('POST', '/cache', `{"ops":[${put},{"op":"get","key":"c"},{"op":"delete","key":"c"}]}`);
  await send('POST', '/cache', `${put}\n`, 'application/x-ndjson');
  await send('DELETE', '/cache/c');
  await send('PUT', '/cache/b1?acks=1', '{"value":"secret","version":1}');
  await send('DELETE', '/cache?prefix=b');
  const { origin, replica } = server.node;
  const ofWriter = () => linesOf(file).filter(({ op }) => op !== undefined);
  await waitFor(() => ofWriter().length === 7, 10_000, 'the lines');
  const last = replica.record(origin).seq;
  const wanted = ['put a\n"', 'put c', 'delete c', 'put c', 'delete c', 'put b1', 'delete b1'];
  for (const [index, { caller, action, target, op, address }] of ofWriter().entries())
    assert.equal(
      [caller, `${action} ${target}`, String(op).includes(origin), address],
      [writer.row.id, wanted[index], true, '127.0.0.1'],
    );
  assert.match(String(ofWriter().at(-1)?.op), new RegExp(`${last}$`));
  assert.not.match(readFileSync(file, 'utf8'), /secret/);
  assert.throws(
    () => completeSettings({ auditWrites: true }),
    (error: Error) => /auditWrites needs auditLog/.test(error.message),
  );
});

audit.run();
