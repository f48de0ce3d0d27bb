/** The address of a client counts only as far as trusted proxies tell it. */
import type { IncomingMessage } from 'node:http';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clientAddress } from '../../../src/http/limits/clientAddress.ts';
import { Networks, networkOf } from '../../../src/net/networks.ts';

const addresses = suite('client address');

const PROXIES = new Networks(['10.0.0.0/8', 'fd00::/8', '192.0.2.7']);
const addressOf = clientAddress(PROXIES);

const from = (remoteAddress: string, headers: Record<string, string> = {}): IncomingMessage =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage;

addresses('a network is an address with or without a length, and nothing else', () => {
  for (const text of ['10.0.0.0/8', '::1', 'fd00::/8', '0.0.0.0/0', '192.0.2.1'])
    assert.ok(networkOf(text) !== null, text);
  for (const text of ['', '10.0.0.0/33', 'fd00::/129', '10.0.0', 'host', '10.0.0.0/', '1.2.3.4/x'])
    assert.is(networkOf(text), null, text);
  assert.ok(PROXIES.has('::ffff:10.1.2.3'));
  assert.ok(PROXIES.has('fd12::1'));
  assert.not(PROXIES.has('192.0.2.8'));
  assert.not(PROXIES.has(''));
});

const CASES: readonly [string, Record<string, string>, string][] = [
  ['203.0.113.9', { 'x-forwarded-for': '1.2.3.4' }, '203.0.113.9'],
  ['10.0.0.1', {}, '10.0.0.1'],
  ['10.0.0.1', { 'x-forwarded-for': '1.2.3.4' }, '1.2.3.4'],
  ['10.0.0.1', { 'x-forwarded-for': '6.6.6.6, 1.2.3.4, 10.0.0.2' }, '1.2.3.4'],
  ['::ffff:10.0.0.1', { 'x-forwarded-for': '::ffff:1.2.3.4' }, '1.2.3.4'],
  ['10.0.0.1', { 'x-forwarded-for': '1.2.3.4:5678' }, '1.2.3.4'],
  ['10.0.0.1', { 'x-forwarded-for': '10.0.0.3, 10.0.0.2' }, '10.0.0.3'],
  ['10.0.0.1', { 'x-forwarded-for': 'unknown' }, '10.0.0.1'],
  ['10.0.0.1', { 'x-forwarded-for': '6.6.6.6, nonsense, 10.0.0.2' }, '10.0.0.2'],
  ['fd00::1', { forwarded: 'for="[2001:db8::1]:4711";proto=https' }, '2001:db8::1'],
  ['10.0.0.1', { forwarded: 'for=6.6.6.6, proto=http;For=1.2.3.4' }, '1.2.3.4'],
  ['10.0.0.1', { forwarded: 'for=_hidden' }, '10.0.0.1'],
  ['10.0.0.1', { forwarded: 'for=1.2.3.4', 'x-forwarded-for': '1.2.3.4' }, '1.2.3.4'],
  ['10.0.0.1', { forwarded: 'for=6.6.6.6', 'x-forwarded-for': '1.2.3.4' }, '10.0.0.1'],
];

addresses('headers count from their end, up to the first that no trusted proxy wrote', () => {
  for (const [remote, headers, expected] of CASES)
    assert.is(addressOf(from(remote, headers)), expected, JSON.stringify([remote, headers]));
});

addresses('a client behind a proxy can not choose its address, whatever it sends', () => {
  fc.assert(
    fc.property(fc.string(), (sent) => {
      const seen = { 'x-forwarded-for': `${sent},198.51.100.5` };
      assert.is(addressOf(from('10.0.0.1', seen)), '198.51.100.5');
      assert.is(addressOf(from('203.0.113.9', seen)), '203.0.113.9');
    }),
  );
});

addresses.run();
