/** A node for which only certificates count between nodes has one that names it. */
import { cpSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { peerUri } from '../../src/net/peerNames.ts';
import type { GivenSettings } from '../../src/node/nodeSettings.ts';
import { completeSettings } from '../../src/node/settings.ts';
import { NodeTls } from '../../src/node/tls.ts';
import { SettingError } from '../../src/words/errors.ts';
import { testAuthorities } from '../support/certificates.ts';

const own = suite("names in a node's own certificate for peers");

own('with mtls another cluster, node or name is refused at the start and at a reload', async () => {
  await using made = await testAuthorities();
  const { authority } = made;
  const server = await authority.write('server');
  const write = (file: string, ...names: string[]) =>
    authority.write(file, { names, uses: ['server', 'client'] });
  const notes: string[] = [];
  const open = (
    { cert, key }: { readonly cert: string; readonly key: string },
    more: GivenSettings = {},
  ): NodeTls =>
    new NodeTls(
      completeSettings({
        nodeId: 'node1',
        cluster: 'own',
        peerAuth: 'mtls',
        tlsCert: server.cert,
        tlsKey: server.key,
        peerTlsCert: cert,
        peerTlsKey: key,
        peerTlsCa: authority.file,
        ...more,
      }),
      (_level, text) => notes.push(text),
      Date.now,
    );
  const isTold = (error: unknown): boolean =>
    error instanceof SettingError &&
    /must name hearsay:\/\/own\/node1 and no other .*`hearsay tls peer node1 --cluster own`/.test(
      error.message,
    );
  const wrong = [
    await write('node', peerUri('own', 'node2')),
    await write('cluster', peerUri('other', 'node1')),
    await write('both', peerUri('own', 'node1'), peerUri('own', 'node2')),
    await write('host', 'localhost'),
  ];
  for (const files of wrong) assert.throws(() => open(files), isTold);
  for (const files of wrong) open(files, { peerAuth: 'challenge' }).stop();

  const right = await write('right', peerUri('own', 'node1'), peerUri('other', 'node2'));
  const tls = open(right);
  const before = tls.peers;
  const [another] = wrong;
  if (another === undefined) throw new Error('There is no other certificate.');
  cpSync(another.key, right.key);
  cpSync(another.cert, right.cert);
  tls.reload();
  tls.stop();
  assert.is(tls.peers, before);
  assert.ok(tls.hasFailed);
  assert.match(notes.at(-1) ?? '', /NODE_ID\)\. The certificates for peers stay as they were\.$/);
});

own.run();
