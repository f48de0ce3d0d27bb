/**
 * `npm run worlds -- config`, `drain` and `token`: what an operator asks of an api, through the edge. The key of
 * operators is a file that only the owner of the region may read.
 */
import { Command, Option } from 'commander';
import { z } from 'zod';
import { openSigner } from '../access/serviceTokens.ts';
import { API_TARGET } from '../api/callers.ts';
import { variableOf } from '../process/settings.ts';

const ASK_LIMIT_MS = 10_000;

const answerSchema = z.object({
  version: z.number().optional(),
  configuration: z.record(z.string(), z.unknown()).nullish(),
  detail: z.string().optional(),
});

interface Options {
  readonly edgeUrl: string;
  readonly keys: string;
}

type Answer = z.output<typeof answerSchema> & { readonly status: number; readonly etag: string };

const program = new Command('worlds');
program.configureOutput({ outputError: (text, write) => write(text) });

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(
      new Option('--edge-url <url>', 'base URL of the edge')
        .env(variableOf('edgeUrl'))
        .default('http://127.0.0.1:8080'),
    )
    .addOption(
      new Option('--keys <directory>', 'where the key of operators is')
        .env(variableOf('keys'))
        .default('data/worlds/keys'),
    );
}

command('config', 'shows the configuration of a world, or changes members of it')
  .argument('<region>')
  .argument('<world>')
  .argument('[member=value...]', 'such as maxPlayers=20 desired=drained')
  .option('--delete', 'deletes the configuration of a world that is stopped')
  .action(
    async (
      region: string,
      world: string,
      changes: readonly string[],
      options: Options & { readonly delete?: boolean },
    ) => {
      const path = `/admin/worlds/${encodeURIComponent(region)}/${encodeURIComponent(world)}`;
      const present = await ask(options, 'GET', path);
      if (present.status !== 404) check(present);
      if (options.delete === true) {
        check(await ask(options, 'DELETE', path, { 'If-Match': present.etag }));
        return;
      }
      if (changes.length === 0) {
        show(check(present));
        return;
      }
      const body = { ...present.configuration, ...membersOf(changes) };
      const condition: Record<string, string> =
        present.status === 404 ? { 'If-None-Match': '*' } : { 'If-Match': present.etag };
      show(check(await ask(options, 'PUT', path, condition, body)));
    },
  );

command('drain', 'sends the players of a world elsewhere, and ends its processes')
  .argument('<region>')
  .argument('<world>')
  .action(async (region: string, world: string, options: Options) => {
    const path = `/admin/worlds/${encodeURIComponent(region)}/${encodeURIComponent(world)}/drain`;
    show(check(await ask(options, 'POST', path)));
  });

command('token', 'prints a token of an operator, which counts for a minute').action(
  async ({ keys }: Options) => {
    process.stdout.write(`${await tokenOf(keys)}\n`);
  },
);

try {
  await program.parseAsync(process.argv);
} catch (error) {
  program.error(error instanceof Error ? error.message : String(error));
}

async function tokenOf(keys: string): Promise<string> {
  const signer = await openSigner(keys, 'operator').catch(() => null);
  if (signer === null)
    throw new Error(`There is no key of operators in ${keys}: name its directory by --keys.`);
  return signer.tokenFor(API_TARGET);
}

async function ask(
  { edgeUrl, keys }: Options,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: object,
): Promise<Answer> {
  const token = await tokenOf(keys);
  const answer = await fetch(new URL(path, edgeUrl), {
    method,
    headers: { ...headers, Authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(ASK_LIMIT_MS),
  }).catch(() => null);
  if (answer === null) throw new Error(`Nothing answers at ${edgeUrl}: is the region started?`);
  const read = answerSchema.safeParse(await answer.json().catch(() => ({})));
  return { ...read.data, status: answer.status, etag: answer.headers.get('ETag') ?? '' };
}

function check(answer: Answer): Answer {
  if (answer.status === 200) return answer;
  throw new Error(answer.detail ?? `The api answered by ${answer.status}.`);
}

function show({ version, configuration }: Answer): void {
  process.stdout.write(`${JSON.stringify({ version, configuration }, null, 2)}\n`);
}

/** A value that is no JSON is a text. */
function membersOf(changes: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    changes.map((change) => {
      const [name = '', ...rest] = change.split('=');
      const text = rest.join('=');
      try {
        return [name, JSON.parse(text) as unknown];
      } catch {
        return [name, text];
      }
    }),
  );
}
