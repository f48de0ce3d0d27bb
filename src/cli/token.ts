/** `hearsay token`: makes, lists, revokes and checks the tokens of a file. */
import { randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type AuthFile,
  CERTIFICATE_NAME_RULE,
  type Grant,
  idOfCertificate,
  isCertificateName,
  parseAuthFile,
  withCertificate,
  withoutToken,
  withToken,
} from '../access/authFile.ts';
import { authTable } from '../access/authTable.ts';
import type { Caller } from '../access/caller.ts';
import { isScope, SCOPES, type Scope } from '../access/scopes.ts';
import {
  digestOf,
  hashText,
  ID_RULE,
  isTokenId,
  makeSecret,
  SECRET_BYTES,
} from '../access/secret.ts';
import { verdictOn } from '../access/verdict.ts';
import { changeAuthFile } from '../node/authFileChange.ts';
import { readAuthFile } from '../node/authFiles.ts';
import { HearsayError, SettingError } from '../words/errors.ts';
import { readExpiry } from './expiry.ts';
import {
  givenToken,
  type TokenFlags,
  tokenFileOption,
  tokenOption,
} from './remote/commandToken.ts';
import { heading } from './terminal/color.ts';
import { note, outputColumns, printLine } from './terminal/output.ts';
import { addOutputOptions } from './terminal/outputForm.ts';
import { measured, Table } from './terminal/table.ts';

interface FileFlags {
  readonly file?: string;
  readonly json?: true;
}

interface CreateFlags extends FileFlags {
  readonly id?: string;
  readonly certificate?: string;
  readonly scopes: readonly Scope[];
  readonly prefix?: readonly string[];
  /** UTC milliseconds. */
  readonly expires?: number;
}

interface CheckFlags extends FileFlags, TokenFlags {
  readonly id?: string;
}

export function registerTokenCommands(program: Command): void {
  const token = program
    .command('token')
    .summary('make, list, revoke and check tokens')
    .description(
      'Keeps a file of tokens, which says who may do what. Give the same file to every node by --auth-file; ' +
        'a node reads it again when it changes.',
    );
  const fileOption = (): Option =>
    new Option('--file <file>', 'the file of tokens').env('AUTH_FILE');
  token
    .command('create')
    .summary('make a token')
    .description(
      'Makes a token, and prints it once: the file holds its SHA-256 alone. With --certificate it lists ' +
        'a certificate in the place of a token, by a name that the certificate bears.',
    )
    .addOption(fileOption())
    .addOption(new Option('--id <id>', `public name of the token: ${ID_RULE}`).argParser(readId))
    .addOption(
      new Option('--certificate <name>', 'a name that a certificate bears').argParser(readName),
    )
    .addOption(
      new Option('--scopes <scopes>', `of ${SCOPES.join(', ')}, separated by commas`)
        .argParser(readScopes)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--prefix <prefix>', 'only keys that begin with it; may be given again')
        .argParser((prefix: string, before: readonly string[] = []) => [...before, prefix])
        .default(undefined),
    )
    .addOption(
      new Option('--expires <when>', 'a duration such as 90d, or a time (RFC 3339)').argParser(
        readExpiry,
      ),
    )
    .addHelpText('after', CREATE_EXAMPLES)
    .action(create);
  const listing = token
    .command('list')
    .summary('list the tokens of a file')
    .description('Prints the tokens of a file: their ids, scopes, prefixes and ends.')
    .addOption(fileOption())
    .addHelpText('after', LIST_EXAMPLES)
    .action(list);
  addOutputOptions(listing, 'many');
  token
    .command('revoke')
    .summary('take a token out')
    .description('Takes a token out of the file. Nodes refuse it, and end its watches, within 2 s.')
    .argument('<id>', 'its id; cert:NAME for a certificate')
    .addOption(fileOption())
    .addHelpText('after', REVOKE_EXAMPLES)
    .action(revoke);
  token
    .command('check')
    .summary('try what a token may do')
    .description(
      'Says whether a token may do something, without asking a node: exit code 0 if it may, 1 if not.',
    )
    .argument('<action>', `GET, PUT, DELETE, or a scope (${SCOPES.join(', ')})`)
    .argument('[key]', 'a key, or the prefix of keys')
    .addOption(fileOption())
    .option('--id <id>', 'the token with this id, in the place of the token itself')
    .addOption(tokenOption())
    .addOption(tokenFileOption())
    .addHelpText('after', CHECK_EXAMPLES)
    .action(check);
}

async function create(flags: CreateFlags): Promise<void> {
  const path = pathOf(flags);
  const { id, certificate, scopes, prefix, expires } = flags;
  if ((id === undefined) === (certificate === undefined))
    throw new SettingError('Give --id for a token, or --certificate to list a certificate.');
  const grant: Grant = {
    scopes: [...scopes],
    ...(prefix !== undefined && { prefixes: [...prefix] }),
    ...(expires !== undefined && { expires: new Date(expires).toISOString() }),
  };
  const checked = (file: AuthFile): AuthFile => parseAuthFile(JSON.stringify(file));
  if (certificate !== undefined) {
    changeAuthFile(path, (file) => checked(withCertificate(file, { name: certificate, ...grant })));
    note(`Callers whose certificate bears the name ${certificate} are listed in ${path}.`);
  } else if (id !== undefined) {
    const token = makeSecret(id, randomBytes(SECRET_BYTES));
    changeAuthFile(path, (file) =>
      checked(withToken(file, { id, hash: hashText(token), ...grant })),
    );
    await printLine(token);
    note(`The token ${id} is in ${path}, by its SHA-256: nobody can print it again.`);
  }
}

async function list(flags: FileFlags): Promise<void> {
  const { tokens, certificates = [] } = readAuthFile(pathOf(flags));
  const listed = [
    ...tokens.map(({ hash: _, ...row }) => row),
    ...certificates.map(({ name, ...row }) => ({ id: idOfCertificate(name), ...row })),
  ];
  if (flags.json === true) {
    for (const row of listed) await printLine(JSON.stringify(row));
    return;
  }
  const nowMs = Date.now();
  const rows = listed.map(({ id, scopes, prefixes, expires }) => [
    id,
    expiryText(expires, nowMs),
    scopes.join(','),
    prefixes?.join(',') ?? 'all keys',
  ]);
  const table = new Table(
    measured(COLUMNS, rows),
    { title: 'PREFIXES', leastWidth: 8 },
    outputColumns(),
    2,
  );
  await printLine(heading(table.head()));
  for (const row of rows) await printLine(table.row(row));
}

const COLUMNS = [{ title: 'ID' }, { title: 'EXPIRES' }, { title: 'SCOPES' }] as const;

const expiryText = (expires: string | undefined, nowMs: number): string => {
  if (expires === undefined) return 'never';
  return Date.parse(expires) <= nowMs ? 'has expired' : expires.slice(0, 16).replace('T', ' ');
};

function revoke(id: string, flags: FileFlags): void {
  const path = pathOf(flags);
  changeAuthFile(path, (file) => withoutToken(file, id));
  note(`The token ${id} is taken out of ${path}.`);
}

async function check(action: string, key: string | undefined, flags: CheckFlags): Promise<void> {
  const scope = scopeOf(action);
  const caller = callerIn(pathOf(flags), flags);
  const verdict = verdictOn(caller, scope, key ?? null, Date.now());
  const target = key === undefined ? '' : ` ${key}`;
  if (!verdict.isAllowed)
    throw new HearsayError(
      `The token ${caller.proof.id} may not ${action}${target}: ${verdict.reason}.`,
    );
  await printLine(`The token ${caller.proof.id} may ${action}${target}.`);
}

/** @throws HearsayError if the file has no such token. */
function callerIn(path: string, flags: CheckFlags): Caller {
  const { callers, certificates } = authTable(readAuthFile(path));
  const { id, token, tokenFile } = flags;
  if (id !== undefined) {
    if (token !== undefined || tokenFile !== undefined)
      throw new SettingError('Give --id or the token itself, not both.');
    const all = [...callers.values(), ...certificates.values()];
    const found = all.find(({ proof }) => proof.id === id);
    if (found === undefined) throw new HearsayError(`${path} has no token ${id}.`);
    return found;
  }
  const given = givenToken(flags);
  if (given === null)
    throw new SettingError('Name a token by --id, --token-file or HEARSAY_TOKEN.');
  const found = callers.get(digestOf(given.text));
  if (found === undefined) throw new HearsayError(`${path} does not have this token.`);
  return found;
}

const METHODS: Readonly<Record<string, Scope>> = { GET: 'read', PUT: 'write', DELETE: 'write' };

/** @throws SettingError */
function scopeOf(action: string): Scope {
  const scope = METHODS[action.toUpperCase()] ?? action;
  if (isScope(scope)) return scope;
  throw new SettingError(`The action must be GET, PUT, DELETE, ${SCOPES.join(', ')}.`);
}

/** @throws SettingError */
function pathOf({ file }: FileFlags): string {
  if (file !== undefined && file !== '') return file;
  throw new SettingError('Name the file of tokens by --file, or in AUTH_FILE.');
}

function readId(text: string): string {
  if (isTokenId(text)) return text;
  throw new InvalidArgumentError(`It must be ${ID_RULE}.`);
}

function readName(text: string): string {
  if (isCertificateName(text)) return text;
  throw new InvalidArgumentError(`It must be ${CERTIFICATE_NAME_RULE}.`);
}

function readScopes(text: string): readonly Scope[] {
  const scopes = text.split(',').map((scope) => scope.trim());
  const known = scopes.filter(isScope);
  if (known.length === scopes.length) return [...new Set(known)];
  throw new InvalidArgumentError(`They must be of ${SCOPES.join(', ')}, separated by commas.`);
}

const CREATE_EXAMPLES = `
Examples:
  hearsay token create --file tokens.json --id web --scopes read,watch \\
    --prefix user/ --expires 90d
  hearsay token create --file tokens.json --id ops --scopes metrics,log,admin`;

const LIST_EXAMPLES = `
Examples:
  hearsay token list --file tokens.json
  hearsay token list --file tokens.json --json`;

const REVOKE_EXAMPLES = `
Examples:
  hearsay token revoke --file tokens.json web
  hearsay token revoke --file tokens.json cert:web`;

const CHECK_EXAMPLES = `
Examples:
  hearsay token check --file tokens.json --id web PUT user/1
  HEARSAY_TOKEN=hsy_… hearsay token check --file tokens.json watch user/`;
