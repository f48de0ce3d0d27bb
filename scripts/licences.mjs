// Prints the licence of every package that comes with Hearsay, and fails where one is not allowed.
//
//   node scripts/licences.mjs [package-lock.json]
//
// The lockfile holds every licence, so nothing needs to be installed.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// A user of Hearsay, which is MIT, may use these packages as freely as Hearsay itself.
const ALLOWED = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
];

const file = process.argv[2] ?? fileURLToPath(new URL('../package-lock.json', import.meta.url));
const packages = Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages)
  .filter(([path, { dev }]) => path !== '' && !dev)
  .map(([path, { version, license }]) => ({
    name: `${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`,
    licence: license ?? 'none named',
  }))
  .sort((left, right) => (left.name < right.name ? -1 : 1));

for (const { name, licence } of packages) process.stdout.write(`${name}\t${licence}\n`);

const refused = packages.filter(({ licence }) => !isAllowed(licence));
for (const { name, licence } of refused) {
  process.stderr.write(
    `The licence of ${name} (${licence}) is not allowed: use another package, or add the licence to ` +
      'scripts/licences.mjs once somebody has read it.\n',
  );
}
process.exitCode = refused.length === 0 ? 0 : 1;

// One of several is ours to choose: `(MIT OR GPL-3.0)`. All of several must be allowed.
function isAllowed(expression) {
  const plain = expression.replace(/[()]/g, '');
  return plain
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((one) => ALLOWED.includes(one.trim())));
}
