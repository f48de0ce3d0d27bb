/** `hearsay tls`: makes an authority and certificates for development. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { KeyPair } from '../net/certificates.ts';
import { peerUri } from '../net/peerNames.ts';
import { writePair } from '../node/tlsFiles.ts';
import { HearsayError, SettingError } from '../words/errors.ts';
import { fileFailure } from '../words/fileFailure.ts';
import { readExpiry } from './expiry.ts';
import { note, printLine } from './terminal/output.ts';
import { dayText } from './terminal/text.ts';

interface TlsFlags {
  readonly dir: string;
  /** UTC milliseconds. */
  readonly expires: number;
}

interface PeerFlags extends TlsFlags {
  readonly cluster?: string;
  readonly host?: readonly string[];
}

const AUTHORITY = 'ca';
const LOCAL_NAMES: readonly string[] = ['localhost', '127.0.0.1', '::1'];
/** A certificate counts on a machine whose clock is a little slow, too. */
const EARLIER_MS = 3_600_000;
const HOST = /^[A-Za-z0-9*.:-]{1,253}$/;
const NAME = /^[\x20-\x7e]{1,64}$/;
const NODE_ID = /^[A-Za-z0-9_-]{1,32}$/;

export function registerTlsCommands(program: Command): void {
  const tls = program
    .command('tls')
    .summary('make certificates for development')
    .description(
      'Makes an authority, and certificates that it signs, for development and for tests. In production, ' +
        'certificates come from an authority of your own.',
    );
  common(tls.command('ca'), '3650d')
    .summary('make an authority')
    .description(
      'Makes the authority that signs the others. Those who are to believe it need ca.crt.',
    )
    .addHelpText('after', examples(`hearsay tls ca\n  hearsay tls ca --dir /tmp/tls --expires 90d`))
    .action(makeAuthority);
  common(tls.command('server'), '365d')
    .summary('make the certificate of a node for clients')
    .description('Makes the certificate that a node shows to clients.')
    .argument('[names...]', `host names and addresses (default ${LOCAL_NAMES.join(' ')})`)
    .addHelpText(
      'after',
      examples(`hearsay tls server\n  hearsay tls server node1.example.com 10.0.0.1 --expires 90d`),
    )
    .action(makeServer);
  common(tls.command('client'), '365d')
    .summary('make the certificate of a client')
    .description('Makes a certificate that a client shows in the place of a token.')
    .argument('<name>', 'its name in the file of tokens')
    .addHelpText(
      'after',
      examples(`hearsay tls client web\n  hearsay tls client web --dir /tmp/tls --expires 30d`),
    )
    .action(makeClient);
  common(tls.command('peer'), '365d')
    .summary('make the certificate of a node for its peers')
    .description(
      'Makes the certificate that a node shows to its peers, with its name as hearsay://CLUSTER/NODE.',
    )
    .argument('<node>', 'the node id')
    .option('--cluster <name>', 'the name of the cluster (CLUSTER, default hearsay)')
    .option('--host <names...>', 'host names and addresses beside it')
    .addHelpText(
      'after',
      examples(
        `hearsay tls peer node1 --host node1.example.com\n  hearsay tls peer node2 --cluster shop --expires 90d`,
      ),
    )
    .action(makePeer);
}

const examples = (lines: string): string => `\nExamples:\n  ${lines}`;

const common = (command: Command, expires: string): Command =>
  command
    .addOption(new Option('--dir <directory>', 'where the files are').default('tls'))
    .addOption(
      new Option('--expires <when>', 'a duration such as 90d, or a time (RFC 3339)')
        .argParser(readExpiry)
        .default(readExpiry(expires), expires),
    );

async function makeAuthority({ dir, expires }: TlsFlags): Promise<void> {
  if (existsSync(fileOf(dir, AUTHORITY, 'key')))
    throw new HearsayError(
      `There is an authority in ${dir} already, and certificates rest on it: name another directory by --dir.`,
    );
  const { newAuthority } = await import('./tls/issue.ts');
  const pair = await newAuthority('Hearsay development authority', validity(expires));
  await write(dir, AUTHORITY, pair);
  note(
    `Who has ${fileOf(dir, AUTHORITY, 'key')} can sign anything. It ends on ${dayText(expires)}. Next:\n` +
      `  hearsay tls server${ofDir(dir)} localhost 127.0.0.1`,
  );
}

async function makeServer(given: readonly string[], { dir, expires }: TlsFlags): Promise<void> {
  const names = given.length === 0 ? LOCAL_NAMES : given;
  requireAll(names, HOST, 'host name or address');
  const [first = ''] = names;
  await make(dir, 'server', { commonName: first, names, uses: ['server'], ...validity(expires) });
  const cert = fileOf(dir, 'server', 'crt');
  note(
    `It is for ${listed(names)}, until ${dayText(expires)}. Next:\n` +
      `  hearsay cluster --tls-cert ${cert} \\\n` +
      `    --tls-key ${fileOf(dir, 'server', 'key')} --peer-tls-ca ${fileOf(dir, AUTHORITY, 'crt')}\n` +
      `  hearsay list --ca ${fileOf(dir, AUTHORITY, 'crt')} --url https://${hostOf(first)}:8001`,
  );
}

async function makeClient(name: string, { dir, expires }: TlsFlags): Promise<void> {
  requireAll([name], NAME, 'name of 1 to 64 characters');
  const file = `client-${name.replace(/[^A-Za-z0-9.-]/g, '_')}`;
  await make(dir, file, { commonName: name, names: [], uses: ['client'], ...validity(expires) });
  note(
    `It is for ${name}, until ${dayText(expires)}. Next, let the nodes know it:\n` +
      `  hearsay token create --file tokens.json --certificate ${name} \\\n` +
      '    --scopes read,watch\n' +
      '  hearsay serve --auth-file tokens.json \\\n' +
      `    --tls-client-ca ${fileOf(dir, AUTHORITY, 'crt')} \\\n` +
      `    --tls-cert ${fileOf(dir, 'server', 'crt')} --tls-key ${fileOf(dir, 'server', 'key')}\n` +
      `  curl --cacert ${fileOf(dir, AUTHORITY, 'crt')} --cert ${fileOf(dir, file, 'crt')} \\\n` +
      `    --key ${fileOf(dir, file, 'key')} https://localhost:8000/cache`,
  );
}

async function makePeer(nodeId: string, flags: PeerFlags): Promise<void> {
  const { dir, expires, cluster = process.env.CLUSTER || 'hearsay', host = [] } = flags;
  requireAll([nodeId], NODE_ID, 'node id');
  requireAll(host, HOST, 'host name or address');
  const uri = peerUri(cluster, nodeId);
  const file = `peer-${nodeId}`;
  await make(dir, file, {
    commonName: nodeId,
    names: [uri, ...host],
    uses: ['server', 'client'],
    ...validity(expires),
  });
  note(
    `It is for ${uri}, until ${dayText(expires)}. Next:\n` +
      `  hearsay serve --node-id ${nodeId} --peer-auth mtls \\\n` +
      `    --peer-tls-cert ${fileOf(dir, file, 'crt')} \\\n` +
      `    --peer-tls-key ${fileOf(dir, file, 'key')} \\\n` +
      `    --peer-tls-ca ${fileOf(dir, AUTHORITY, 'crt')} \\\n` +
      `    --tls-cert ${fileOf(dir, 'server', 'crt')} --tls-key ${fileOf(dir, 'server', 'key')}`,
  );
}

type Wanted = Parameters<typeof import('./tls/issue.ts').issue>[1];

async function make(dir: string, name: string, wanted: Wanted): Promise<void> {
  const authority = {
    cert: authorityText(dir, 'crt'),
    key: authorityText(dir, 'key'),
  };
  const { issue } = await import('./tls/issue.ts');
  await write(dir, name, await issue(authority, wanted));
}

/** @throws HearsayError if there is no authority. */
function authorityText(dir: string, kind: 'crt' | 'key'): string {
  const file = fileOf(dir, AUTHORITY, kind);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new HearsayError(
      `The authority ${file} can't be read (${fileFailure(error)}): make one by \`hearsay tls ca${ofDir(dir)}\`.`,
      { cause: error },
    );
  }
}

async function write(dir: string, name: string, pair: KeyPair): Promise<void> {
  const [cert, key] = [fileOf(dir, name, 'crt'), fileOf(dir, name, 'key')];
  writePair({ cert, key }, pair);
  await printLine(cert);
  await printLine(key);
}

/** @throws SettingError */
function requireAll(texts: readonly string[], rule: RegExp, what: string): void {
  const wrong = texts.find((text) => !rule.test(text));
  if (wrong !== undefined) throw new SettingError(`${JSON.stringify(wrong)} is no ${what}.`);
}

const validity = (toMs: number) => ({ fromMs: Date.now() - EARLIER_MS, toMs });

const fileOf = (dir: string, name: string, kind: 'crt' | 'key'): string =>
  join(dir, `${name}.${kind}`);

const ofDir = (dir: string): string => (dir === 'tls' ? '' : ` --dir ${dir}`);

const hostOf = (name: string): string => (name.includes(':') ? `[${name}]` : name);

const listed = (names: readonly string[]): string =>
  names.length === 1 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
