/** Certificates in files: the faults are told by the file and its remedy, and a key is nobody else's. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readTls, type TlsPaths } from '../../src/node/tlsFiles.ts';
import { SettingError } from '../../src/words/errors.ts';
import { testAuthorities } from '../support/certificates.ts';

const files = suite('files of certificates');

const HOUR_MS = 3_600_000;

files('a pair and its authorities are read, with the ends of both', async () => {
  await using made = await testAuthorities();
  const { authority, stranger, directory } = made;
  const toMs = Math.floor(Date.now() / 1000) * 1000 + HOUR_MS;
  const { cert, key } = await authority.write('server', { toMs });
  const ca = join(directory, 'both.crt');
  writeFileSync(ca, `# ours\n${authority.pair.cert}\n# theirs\n${stranger.pair.cert}`);
  const material = readTls({ cert, key, ca }, Date.now());
  assert.is(material.certEndsAt, toMs);
  assert.is(material.authorities.length, 2);
  assert.ok((material.caEndsAt ?? 0) > toMs);
  assert.equal(readTls({ cert: null, key: null, ca: null }, Date.now()).pair, null);
});

files('each fault is one sentence that names the file and the remedy', async () => {
  await using made = await testAuthorities();
  const { authority, directory } = made;
  const server = await authority.write('server');
  const other = await authority.write('other');
  const ended = await authority.write('ended', { toMs: Date.now() - HOUR_MS });
  const early = await authority.write('early', { fromMs: Date.now() + HOUR_MS });
  const text = (name: string, content: string): string => {
    const path = join(directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const encrypted = text('encrypted', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n');
  const torn = text('torn', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const noKey = text('none', 'nothing');
  const faults: [paths: Partial<TlsPaths>, sentence: RegExp][] = [
    [
      { ...server, cert: join(directory, 'gone') },
      /^The certificate \S+gone can't be read \(it is not there\)\.$/,
    ],
    [{ ...server, cert: directory }, /^The certificate \S+ is no file\.$/],
    [{ ...server, cert: noKey }, /^The certificate \S+none holds no certificate in PEM\.$/],
    [{ ...server, cert: torn }, /^The certificate \S+torn holds a certificate that is torn\.$/],
    [
      { ...server, key: other.key },
      /^The key \S+other\.key is the key of another certificate: name the two that /,
    ],
    [{ ...server, key: noKey }, /^The key \S+none holds no private key in PEM\.$/],
    [
      { ...server, key: encrypted },
      /^The key \S+ is encrypted, .* decrypt it by `openssl pkey`\.$/,
    ],
    [ended, /^The certificate \S+ended\.crt ended at \d{4}-\S+Z: renew it\.$/],
    [early, /^The certificate \S+early\.crt begins at \S+: wait for that, or set the clock/],
    [{ ca: noKey }, /^The file of authorities \S+none holds no certificate in PEM\.$/],
  ];
  for (const [paths, sentence] of faults)
    assert.throws(
      () => readTls({ cert: null, key: null, ca: null, ...paths }, Date.now()),
      (error: unknown) => error instanceof SettingError && sentence.test(error.message),
    );
});

files('a key that others may read is refused', async () => {
  await using made = await testAuthorities();
  const { cert, key } = await made.authority.write('server');
  const read = () => readTls({ cert, key, ca: null }, Date.now());
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(key, mode);
    assert.throws(read, /^The key \S+ is open to other users: .* chmod 600\.$/);
  }
  chmodSync(key, 0o400);
  assert.ok(read().pair !== null);
});

files.run();
