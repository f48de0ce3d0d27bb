/** Tokens, their file, prefixes, wrong tokens and host names: the pure rules of who may do what. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AuthFile,
  AuthFileError,
  EMPTY_AUTH_FILE,
  formatAuthFile,
  parseAuthFile,
  withCertificate,
  withoutToken,
  withToken,
} from '../../src/access/authFile.ts';
import { authTable, changeOf } from '../../src/access/authTable.ts';
import { anonymousCaller, hasExpired, mayTouch } from '../../src/access/caller.ts';
import { callerOfClaims } from '../../src/access/claims.ts';
import { Guesses, REFILL_MS } from '../../src/access/guesses.ts';
import { admitsHost } from '../../src/access/hosts.ts';
import { digestOf, hashText, idOfSecret, makeSecret } from '../../src/access/secret.ts';

const tokens = suite('tokens');

const secretOf = (id: string, seed = 1): string => makeSecret(id, new Uint8Array(32).fill(seed));
const isFileError = (error: unknown): boolean => error instanceof AuthFileError;

tokens('a token names its id, and a torn one is none', () => {
  const ids = fc.stringMatching(/^[A-Za-z0-9.-]{1,32}$/);
  const random = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(ids, random, fc.nat(), (id, bytes, place) => {
      const text = makeSecret(id, bytes);
      assert.is(idOfSecret(text), id);
      const at = place % text.length;
      const other = text[at] === 'x' ? 'y' : 'x';
      assert.is(idOfSecret(text.slice(0, at) + other + text.slice(at + 1)), null);
      assert.is(idOfSecret(text.slice(0, -1)), null);
    }),
  );
});

const FILE: AuthFile = parseAuthFile(
  JSON.stringify({
    version: 1,
    tokens: [
      {
        id: 'web',
        hash: hashText(secretOf('web')),
        scopes: ['read', 'watch'],
        prefixes: ['user/'],
        expires: '2027-06-01T00:00:00Z',
        limits: { rps: 500, watchers: 200 },
      },
      { id: 'ops', hash: hashText(secretOf('ops')), scopes: ['log', 'admin'] },
    ],
    anonymous: { scopes: ['health'] },
  }),
);

tokens('a file of tokens is read whole, and holds no secret', () => {
  const text = formatAuthFile(FILE);
  assert.equal(parseAuthFile(text), FILE);
  assert.not.match(text, secretOf('web'));
  const { callers, anonymous } = authTable(FILE);
  const web = callers.get(digestOf(secretOf('web')));
  assert.is(web?.proof.id, 'web');
  assert.is(web?.proof.expiresAt, Date.UTC(2027, 5, 1));
  assert.equal(web?.limits, { rps: 500, watchers: 200 });
  assert.equal([...(web?.scopes ?? [])], ['read', 'watch']);
  assert.is(callers.get(digestOf(secretOf('web', 2))), undefined);
  assert.is(anonymous.scopes.size, 0);
});

const hash = hashText('x');
const WRONG: readonly unknown[] = [
  null,
  {},
  { version: 2, tokens: [] },
  { version: 1, tokens: [], more: 1 },
  { version: 1, tokens: [{ id: 'a', hash, scopes: [] }] },
  { version: 1, tokens: [{ id: 'a_b', hash, scopes: ['read'] }] },
  { version: 1, tokens: [{ id: 'a', hash: 'x', scopes: ['read'] }] },
  { version: 1, tokens: [{ id: 'a', hash, scopes: ['reed'] }] },
  { version: 1, tokens: [{ id: 'a', hash, scopes: ['read'], prefixs: ['a'] }] },
  { version: 1, tokens: [{ id: 'a', hash, scopes: ['read'], prefixes: [] }] },
  { version: 1, tokens: [{ id: 'a', hash, scopes: ['read'], prefixes: [''] }] },
  { version: 1, tokens: [{ id: 'a', hash, scopes: ['log'], prefixes: ['a'] }] },
  { version: 1, tokens: [{ id: 'a', hash, scopes: ['read'], expires: 'soon' }] },
  { version: 1, tokens: [{ id: 'a', hash, scopes: ['read'], limits: { rps: 0 } }] },
  {
    version: 1,
    tokens: [
      { id: 'a', hash, scopes: ['read'] },
      { id: 'a', hash: hashText('y'), scopes: ['read'] },
    ],
  },
  {
    version: 1,
    tokens: [
      { id: 'a', hash, scopes: ['read'] },
      { id: 'b', hash, scopes: ['read'] },
    ],
  },
  { version: 1, tokens: [], anonymous: { scopes: ['admin'] } },
];

tokens('a file with any fault is refused, and the refusal quotes none of it', () => {
  for (const file of WRONG)
    assert.throws(() => parseAuthFile(JSON.stringify(file)), isFileError, JSON.stringify(file));
  assert.throws(
    () => parseAuthFile('{"a": hsy_'),
    (error: unknown) => isFileError(error) && !String(error).includes('hsy_'),
  );
});

tokens('a fault is told in words that say what to do', () => {
  const FAULTS: readonly (readonly [file: object, message: RegExp])[] = [
    [
      { version: 1, tokens: [{ id: 'a', scopes: ['read'] }] },
      /^tokens\.0\.hash is missing: add it/,
    ],
    [{ version: 1, tokens: {} }, /^tokens must be of another type: array$/],
    [{ version: 2, tokens: [] }, /^version must be 1$/],
    [
      { version: 1, tokens: [{ id: 'a', hash, scopes: ['red'] }] },
      /^tokens\.0\.scopes\.0 must be "read" or /,
    ],
    [{ version: 1, tokens: [], more: 1 }, /^the file has a member that is unknown: take it out/],
    [
      { version: 1, tokens: [{ id: 'a', hash, scopes: ['read'], limits: { rps: 0 } }] },
      /^tokens\.0\.limits\.rps must be at least 1$/,
    ],
    [
      { version: 1, tokens: [{ id: 'a', hash: 'x', scopes: ['read'] }] },
      /^tokens\.0\.hash must be sha256:/,
    ],
  ];
  for (const [file, message] of FAULTS)
    assert.throws(
      () => parseAuthFile(JSON.stringify(file)),
      (error: unknown) => error instanceof AuthFileError && message.test(error.message),
      JSON.stringify(file),
    );
});

tokens('a token is added once and taken out once', () => {
  const row = { id: 'a', hash, scopes: ['read' as const] };
  const file = withToken(EMPTY_AUTH_FILE, row);
  assert.throws(() => withToken(file, row), isFileError);
  assert.equal(withoutToken(file, 'a'), EMPTY_AUTH_FILE);
  assert.throws(() => withoutToken(EMPTY_AUTH_FILE, 'a'), isFileError);
});

tokens('a reload keeps the callers whose rows are as they were, and tells the others', () => {
  const before = authTable(FILE);
  const [web, ops] = FILE.tokens;
  assert.ok(web && ops);
  const { prefixes: _, ...wider } = web;
  const added = { id: 'new', hash, scopes: ['read' as const] };
  const after = authTable({ ...FILE, tokens: [wider, added] }, before);
  assert.equal(changeOf(before, after), { added: ['new'], removed: ['ops'], changed: ['web'] });
  assert.is(after.anonymous, before.anonymous);
  const same = authTable(FILE, before);
  assert.equal(
    [...same.proofs].map((proof) => before.proofs.has(proof)),
    [true, true, true],
  );
});

tokens('a caller touches what begins with one of its prefixes, and nothing else', () => {
  const texts = fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', '/') });
  fc.assert(
    fc.property(fc.array(texts, { minLength: 1 }), texts, (prefixes, asked) => {
      const expected = prefixes.some((prefix) => asked.indexOf(prefix) === 0);
      assert.is(mayTouch(anonymousCaller(['read'], prefixes), asked), expected);
      assert.is(mayTouch(anonymousCaller(['read']), asked), true);
    }),
  );
});

tokens('a proof counts until the instant at which it expires', () => {
  const { proof } = anonymousCaller([]);
  assert.is(hasExpired({ ...proof, expiresAt: 5 }, 4), false);
  assert.is(hasExpired({ ...proof, expiresAt: 5 }, 5), true);
  assert.is(hasExpired(proof, Number.MAX_SAFE_INTEGER), false);
});

const LIMITS = { maxWrongTokens: 10, maxWrongTokensPerSecond: 1000, maxWrongTokenAddresses: 100 };

tokens('an address has ten wrong tokens, then one each six seconds', () => {
  const guesses = new Guesses(LIMITS);
  for (let count = 0; count < 10; count++) assert.is(guesses.failed('1.2.3.4', 0), 0);
  assert.is(guesses.failed('1.2.3.4', 0), REFILL_MS);
  assert.is(guesses.failed('1.2.3.5', 0), 0);
  assert.is(guesses.failed('1.2.3.4', REFILL_MS - 1), 1);
  assert.is(guesses.failed('1.2.3.4', REFILL_MS), 0);
  assert.is(guesses.failed('1.2.3.4', REFILL_MS), REFILL_MS);
  assert.is(guesses.blocked, 3);
});

tokens('all of a /64 of IPv6 has one bucket, and so has an address in both of its forms', () => {
  const guesses = new Guesses({ ...LIMITS, maxWrongTokens: 1 });
  assert.is(guesses.failed('2001:db8::1', 0), 0);
  assert.ok(guesses.failed('2001:db8:0:0:ffff::7', 0) > 0);
  assert.ok(guesses.failed('2001:0db8:0000:0000:1:2:3:4', 0) > 0);
  assert.is(guesses.failed('2001:db8:0:1::1', 0), 0);
  assert.is(guesses.failed('::ffff:1.2.3.4', 0), 0);
  assert.ok(guesses.failed('1.2.3.4', 0) > 0);
});

tokens('the table of addresses is bounded, and all addresses together have a bound', () => {
  const many = new Guesses({ ...LIMITS, maxWrongTokensPerSecond: 1_000_000 });
  for (let count = 0; count < 1000; count++) many.failed(`10.0.${count >> 8}.${count & 255}`, 0);
  assert.is(many.addresses, 100);
  const fast = new Guesses({ ...LIMITS, maxWrongTokensPerSecond: 50 });
  const taken = Array.from({ length: 200 }, (_one, index) => fast.failed(`10.1.0.${index}`, 0));
  assert.is(taken.filter((wait) => wait === 0).length, 50);
  assert.is(fast.failed('10.2.0.1', 1000), 0);
});

tokens('certificates are listed beside tokens, once each, and are taken out by their id', () => {
  const row = { name: 'spiffe://a/web', scopes: ['read' as const] };
  const file = parseAuthFile(formatAuthFile(withCertificate(FILE, row)));
  const { certificates, proofs } = authTable(file);
  const caller = certificates.get(row.name);
  assert.is(caller?.proof.id, 'cert:spiffe://a/web');
  assert.ok(caller !== undefined && proofs.has(caller.proof));
  assert.is(authTable(file, authTable(file)).certificates.size, 1);
  assert.equal(changeOf(authTable(FILE), authTable(file)).added, ['cert:spiffe://a/web']);
  assert.throws(() => withCertificate(file, row), isFileError);
  assert.equal(withoutToken(file, 'cert:spiffe://a/web'), { ...FILE, certificates: [] });
  assert.throws(() => withoutToken(file, 'spiffe://a/web'), isFileError);
  for (const wrong of [[row, row], [{ ...row, name: '' }], [{ ...row, id: 'a' }]])
    assert.throws(
      () => parseAuthFile(JSON.stringify({ ...FILE, certificates: wrong })),
      isFileError,
    );
});

tokens('names of this machine pass, and others as the rule says', () => {
  const own = { allowed: new Set(['cache.example.com']) };
  const PASS = ['localhost', 'a.localhost:80', '127.0.0.1:8000', '[::1]:8000', '10.0.0.1'];
  for (const host of [...PASS, 'cache.example.com', 'Cache.Example.com.:8000', undefined])
    assert.ok(admitsHost(own, host), host);
  for (const host of ['evil.example', 'localhost.evil.example', '', '127.0.0.1.evil.example'])
    assert.not.ok(admitsHost(own, host), host);
  assert.ok(admitsHost({ allowed: null }, 'evil.example'));
});

tokens('claims make a caller, or none if one of them is missing or malformed', () => {
  const claims = { sub: 'alice', exp: 100, scope: 'openid read write' };
  const caller = callerOfClaims({ ...claims, hearsay_prefixes: ['a/'] });
  assert.equal([...(caller?.scopes ?? [])], ['read', 'write']);
  assert.equal(caller?.prefixes, ['a/']);
  assert.is(caller?.proof.expiresAt, 100_000);
  assert.is(callerOfClaims(claims)?.prefixes, null);
  const { sub: _sub, ...nobody } = claims;
  const { exp: _exp, ...endless } = claims;
  const wrong = [
    nobody,
    endless,
    { ...claims, scope: ['read'] },
    { ...claims, hearsay_prefixes: [] },
  ];
  for (const one of [...wrong, { ...claims, hearsay_prefixes: 'a/' }, null])
    assert.is(callerOfClaims(one), null);
});

tokens.run();
