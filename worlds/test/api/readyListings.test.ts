/** Listings that are ready: which ones are, and that they are counted and traced as all others. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AccessClaims } from '../../access/accessToken.ts';
import { makeRoleKeys, openGuard } from '../../access/serviceTokens.ts';
import { API_TARGET, Callers } from '../../api/callers.ts';
import { ListingTexts } from '../../api/listingTexts.ts';
import { readyListings } from '../../api/readyListings.ts';
import { listen } from '../../http/jsonApp.ts';
import { Seen } from '../../process/seen.ts';
import { PLAYER_SCOPE, ROLES } from '../../rules/grants.ts';
import { playerId } from '../support/testWorld.ts';

const listings = suite('ready listings');

const OTHERWISE = 299;

listings('what is ready is answered, and all else takes the way through the routes', async () => {
  await using ends = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'hearsay-listings-'));
  ends.defer(() => rm(directory, { recursive: true, force: true }));
  await makeRoleKeys(directory, ROLES);
  const claims = (scope: string): AccessClaims => ({
    player: playerId(1),
    session: 's',
    gen: 1,
    scope,
    issuedAtMs: 0,
    expiresAtMs: Number.POSITIVE_INFINITY,
  });
  const tokens = new Map([
    ['known', claims(PLAYER_SCOPE)],
    ['narrow', claims('player:read')],
  ]);
  const verifier = {
    verify: async () => null,
    known: (token: string) => tokens.get(token) ?? null,
  };
  const callers = new Callers(verifier, await openGuard(directory, API_TARGET));
  const texts = new ListingTexts();
  const view = { etag: '"one"' };
  const seen = new Seen('api', 'silent');
  const shown = seen.http(() => ({ status: 'ok' }));
  const handler = readyListings({ view, texts, callers, seen: shown }, (_request, response) =>
    response.writeHead(OTHERWISE).end(),
  );
  const { url } = ends.use(await listen(handler, '127.0.0.1', 0));
  const ask = (path: string, token = 'known', headers = {}, method = 'GET') =>
    fetch(url + path, { method, headers: { Authorization: `Bearer ${token}`, ...headers } });

  assert.is((await ask('/worlds')).status, OTHERWISE, 'no text is made');
  texts.text('"one"', '', () => '{"worlds":["ä"]}');
  texts.text('"one"', 'open=true', () => '{"worlds":[]}');
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const ready = await ask('/worlds', 'known', { traceparent });
  assert.is(ready.status, 200);
  assert.is(ready.headers.get('ETag'), '"one"');
  assert.match(ready.headers.get('traceresponse') ?? '', new RegExp(`^00-${'a'.repeat(32)}-`));
  assert.is(await ready.text(), '{"worlds":["ä"]}');
  assert.is(await (await ask('/worlds?open=true')).text(), '{"worlds":[]}');
  const same = await ask('/worlds', 'known', { 'If-None-Match': '"one"' });
  assert.is(same.status, 304);
  assert.is((await ask('/worlds', 'known', { 'If-None-Match': '"old"' })).status, 200);

  for (const path of ['/worlds?open=tru%65', '/worlds?map=meadow', '/worlds/watch', '/'])
    assert.is((await ask(path)).status, OTHERWISE, path);
  assert.is((await ask('/worlds', 'unknown')).status, OTHERWISE);
  assert.is((await ask('/worlds', 'narrow')).status, OTHERWISE, 'the scope does not allow it');
  assert.is((await ask('/worlds', 'known', {}, 'POST')).status, OTHERWISE);
  view.etag = '"two"';
  assert.is((await ask('/worlds')).status, OTHERWISE, 'the text is of an older revision');

  const metrics = await seen.metrics.text();
  assert.match(
    metrics,
    /worlds_http_requests_total\{route="\/worlds",method="GET",status="200"\} 3/,
  );
  assert.match(
    metrics,
    /worlds_http_requests_total\{route="\/worlds",method="GET",status="304"\} 1/,
  );
  assert.match(metrics, /worlds_http_request_seconds_count 4/);
});

listings.run();
