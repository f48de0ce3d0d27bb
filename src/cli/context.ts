/** `hearsay context`: the clusters that a person works with, by name. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SettingError } from '../words/errors.ts';
import { nodeUrl, splitUrls, URL_FORM } from './remote/address.ts';
import {
  givenToken,
  type TokenFlags,
  tokenFileOption,
  tokenOption,
} from './remote/commandToken.ts';
import { type Context, contextCalled, readContexts, writeContexts } from './remote/contexts.ts';
import { heading } from './terminal/color.ts';
import { note, outputColumns, printLine } from './terminal/output.ts';
import { addOutputOptions } from './terminal/outputForm.ts';
import { measured, Table } from './terminal/table.ts';

interface AddFlags extends TokenFlags {
  readonly url: readonly string[];
  readonly ca?: string;
}

export function registerContextCommands(program: Command): void {
  const context = program
    .command('context')
    .summary('name clusters, and choose the one to talk to')
    .description(
      'Keeps the URLs and tokens of clusters by name. Commands talk to the context in use, unless --url, ' +
        'HEARSAY_URL or --context names another.',
    );
  context
    .command('add')
    .summary('add a context, or replace it')
    .description('Adds a context. The first one is in use at once.')
    .argument('<name>', 'its name')
    .addOption(
      new Option('--url <url>', 'base URL of a node; more, separated by commas, are fallbacks')
        .argParser(readUrls)
        .makeOptionMandatory(),
    )
    .addOption(tokenOption())
    .addOption(tokenFileOption())
    .option('--ca <file>', "authorities that sign the nodes' certificates")
    .addHelpText('after', ADD_EXAMPLES)
    .action(add);
  const listing = context
    .command('list')
    .summary('list the contexts')
    .description('Prints the contexts; a * marks the one in use. Tokens are not shown.')
    .addHelpText('after', LIST_EXAMPLES)
    .action(list);
  addOutputOptions(listing, 'many');
  context
    .command('use')
    .summary('choose the context that commands talk to')
    .description('Chooses the context that commands talk to.')
    .argument('<context>', 'its name')
    .addHelpText('after', USE_EXAMPLES)
    .action(use);
  context
    .command('remove')
    .summary('forget a context')
    .description('Forgets a context, and its token.')
    .argument('<context>', 'its name')
    .addHelpText('after', REMOVE_EXAMPLES)
    .action(remove);
}

/** @throws InvalidArgumentError */
function readUrls(text: string, before: readonly string[] = []): readonly string[] {
  const urls = (splitUrls(text) ?? []).map(nodeUrl);
  if (urls.length === 0 || urls.includes(null))
    throw new InvalidArgumentError(`It must be ${URL_FORM}.`);
  return [...before, ...urls.filter((url) => url !== null)];
}

const NAME = /^[\w.-]{1,64}$/;

function add(name: string, { url: urls, ca, ...tokens }: AddFlags): void {
  if (!NAME.test(name))
    throw new SettingError('The name of a context has 1 to 64 letters, digits, _, . and -.');
  const isTokenGiven = tokens.token !== undefined || tokens.tokenFile !== undefined;
  const given = isTokenGiven ? givenToken(tokens) : null;
  if (given?.isOfCluster)
    throw new SettingError('The token is none of `hearsay token create`, and no JWT.');
  const token = given?.text;
  const { current, contexts } = readContexts();
  const added: Context = {
    urls: [...urls],
    ...(token !== undefined && { token }),
    ...(ca !== undefined && { ca: resolve(ca) }),
  };
  writeContexts({ current: current ?? name, contexts: { ...contexts, [name]: added } });
  note(`${name} is ${current === null || current === name ? 'in use' : 'added'}.`);
}

async function list({ json }: { readonly json?: true }): Promise<void> {
  const { current, contexts } = readContexts();
  const found = Object.entries(contexts).sort(([a], [b]) => (a < b ? -1 : 1));
  if (json === true) {
    for (const [name, { urls, token, ca }] of found) {
      const facts = { name, in_use: name === current, urls, ca: ca ?? null };
      await printLine(JSON.stringify({ ...facts, has_token: token !== undefined }));
    }
    return;
  }
  const rows = found.map(([name, { urls, token }]) => [
    name === current ? '*' : '',
    name,
    token === undefined ? '' : 'yes',
    urls.join(','),
  ]);
  const columns = measured([{ title: '' }, { title: 'NAME' }, { title: 'TOKEN' }], rows);
  const table = new Table(columns, { title: 'URL', leastWidth: 12 }, outputColumns(), 2);
  await printLine(heading(table.head()));
  for (const row of rows) await printLine(table.row(row));
}

function use(name: string): void {
  const { contexts } = readContexts();
  contextCalled(contexts, name);
  writeContexts({ current: name, contexts });
  note(`${name} is in use.`);
}

function remove(name: string): void {
  const { current, contexts } = readContexts();
  contextCalled(contexts, name);
  const { [name]: _removed, ...others } = contexts;
  writeContexts({ current: current === name ? null : current, contexts: others });
  note(`${name} is removed${current === name ? ', and no context is in use' : ''}.`);
}

const ADD_EXAMPLES = `
Examples:
  hearsay context add local --url http://localhost:8001
  hearsay context add prod --url https://cache-1:8000,https://cache-2:8000 \\
    --token-file ops.token --ca /etc/hearsay/ca.crt`;

const LIST_EXAMPLES = `
Examples:
  hearsay context list
  hearsay context list --json`;

const USE_EXAMPLES = `
Examples:
  hearsay context use prod
  HEARSAY_CONTEXT=prod hearsay status`;

const REMOVE_EXAMPLES = `
Examples:
  hearsay context remove prod
  hearsay context remove local`;
