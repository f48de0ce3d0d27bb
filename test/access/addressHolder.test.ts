/** Limits by address count a /64 of IPv6, and an address of IPv4 in whatever form, as one. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holderOf } from '../../src/access/addressHolder.ts';

const addressHolder = suite('holders of addresses');

addressHolder('an address of IPv4 is its own holder, in each of its forms', () => {
  for (const form of [
    '1.2.3.4',
    '::ffff:1.2.3.4',
    '::FFFF:1.2.3.4',
    '::ffff:102:304',
    '0:0:0:0:0:ffff:0102:0304',
  ])
    assert.is(holderOf(form), '1.2.3.4', form);
  assert.is.not(holderOf('1.2.3.5'), holderOf('1.2.3.4'));
});

addressHolder('all addresses of a /64 have one holder, however they are written', () => {
  for (const form of [
    '2001:db8::1',
    '2001:0DB8::',
    '2001:db8:0:0:ffff::7',
    '2001:db8::1:2:1.2.3.4',
    '2001:db8::1%eth0',
  ])
    assert.is(holderOf(form), '2001:db8:0:0', form);
  assert.is(holderOf('::1'), '0:0:0:0');
  assert.is(holderOf('fe80::1%eth0'), 'fe80:0:0:0');
  for (const other of ['2001:db8:0:1::1', '2001:db8:1::1', '2001:db9::1'])
    assert.is.not(holderOf(other), '2001:db8:0:0', other);
});

addressHolder('the first four groups tell holders of IPv6 apart, and nothing else does', () => {
  const group = fc.integer({ min: 1, max: 0xffff }).map((value) => value.toString(16));
  const four = fc.array(group, { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(four, four, four, (one, other, host) => {
      const holder = one.join(':');
      assert.is(holderOf([...one, ...host].join(':')), holder);
      assert.is(holderOf(`${holder}::${host[0]}`), holder);
      const isSame = holderOf([...other, ...host].join(':')) === holder;
      assert.is(isSame, other.join(':') === holder);
    }),
  );
});

addressHolder.run();
