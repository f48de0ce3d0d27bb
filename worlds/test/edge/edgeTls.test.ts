/** The edge by TLS: a renewed certificate counts without a new start, and one that does not fit changes nothing. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { testAuthorities } from '../../../test/support/certificates.ts';
import { waitFor } from '../../../test/support/processes.ts';
import { serveTestEdge } from '../support/testEdge.ts';

const edge = suite('edge by TLS');

edge('a renewed certificate counts, and open connections stay', async () => {
  await using authorities = await testAuthorities();
  const { authority } = authorities;
  const { cert: certFile, key: keyFile } = await authority.write('edge');
  await using at = await serveTestEdge({ tls: { certFile, keyFile }, lookMs: 20 });
  const ca = authority.pair.cert;
  const { port } = new URL(at.url);
  const serial = async (): Promise<string> => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', servername: 'localhost', ca });
    await once(socket, 'secureConnect');
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const status = (path: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      request(`https://localhost:${port}${path}`, { ca }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
  assert.is(await status('/worlds'), 200);
  const open = connect({ port: Number(port), host: '127.0.0.1', servername: 'localhost', ca });
  await once(open, 'secureConnect');
  const first = await serial();
  await authority.write('edge');
  await waitFor(async () => (await serial()) !== first, 5000, 'the new certificate');
  const second = await serial();
  open.write('GET /worlds HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [answer] = (await once(open, 'data')) as [Buffer];
  assert.match(String(answer), /^HTTP\/1\.1 200 /);
  open.destroy();

  writeFileSync(certFile, 'no certificate');
  await waitFor(() => at.faults.length > 0, 5000, 'the fault is told');
  assert.is(await serial(), second);
  const plain = await fetch(`http://127.0.0.1:${port}/worlds`).catch(() => null);
  assert.is(plain, null, 'nothing is answered without TLS');
});

edge.run();
