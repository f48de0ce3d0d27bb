// Prints the list of all packages that come with Hearsay, as CycloneDX, for auditors and their tools.
// npm makes it; its own `--omit dev` also leaves out what is used in development and in production alike.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const { status, stdout, stderr } = spawnSync(
  'npm',
  ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'],
  {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32',
  },
);
if (status === 0) {
  const { components, dependencies, ...rest } = JSON.parse(stdout);
  const kept = components.filter(({ properties }) => !isForDevelopment(properties));
  const names = new Set(kept.map((component) => component['bom-ref']));
  const own = rest.metadata.component;
  // npm takes the name of the folder.
  own.name = 'hearsay';
  names.add(own['bom-ref']);
  const edges = dependencies
    .filter(({ ref }) => names.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((to) => names.has(to)) }));
  const bom = { ...rest, components: kept, dependencies: edges };
  process.stdout.write(`${JSON.stringify(bom, null, 2)}\n`);
} else {
  process.stderr.write(`${stderr}\`npm sbom\` failed; its own words are above, if it had any.\n`);
  process.exitCode = 1;
}

function isForDevelopment(properties) {
  return properties.some(
    ({ name, value }) => name === 'cdx:npm:package:development' && value === 'true',
  );
}
