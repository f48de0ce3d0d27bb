/** The pages that may call a node from a browser. */
import type { IncomingMessage } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AllowedPages } from '../../../src/http/request/pages.ts';

const pages = suite('pages that may call a node');

const asking = (origin: string): IncomingMessage =>
  ({ headers: { origin, host: 'localhost:8001' } }) as IncomingMessage;

pages(
  'a page of a node of this machine may call the others, whichever of its names was opened',
  () => {
    const allowed = new AllowedPages([], [], () => [
      'http://localhost:8001',
      'http://localhost:8002',
    ]);
    for (const origin of ['http://localhost:8002', 'http://127.0.0.1:8002', 'http://[::1]:8002'])
      assert.ok(allowed.admits(asking(origin)), origin);
    for (const origin of [
      'http://127.0.0.1:9999',
      'https://127.0.0.1:8002',
      'http://127.0.0.1.example:8002',
      'http://example:8002',
      'null',
    ])
      assert.not.ok(allowed.admits(asking(origin)), origin);
    const named = new AllowedPages([], [], () => ['http://127.0.0.1:8002', 'http://cache-1:8000']);
    assert.ok(named.admits(asking('http://localhost:8002')));
    assert.not.ok(named.admits(asking('http://localhost:8000')));
  },
);

pages.run();
