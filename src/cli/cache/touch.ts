/** `hearsay touch`: gives a live key another time to live. */
import { type Command, Option } from 'commander';
import { HearsayError, SettingError } from '../../words/errors.ts';
import { printLine } from '../terminal/output.ts';
import {
  addClientOptions,
  type ClientFlags,
  durationMs,
  withCommandClient,
} from './clientCommand.ts';

interface TouchFlags extends ClientFlags {
  /** Milliseconds. */
  readonly ttl?: number;
  readonly forever?: true;
}

export function register(program: Command): void {
  const command = program
    .command('touch')
    .summary('give a key another time to live')
    .description('Gives a live key another time to live; its value and version stay.')
    .argument('<key>', 'the key')
    .addOption(
      new Option('--ttl <duration>', 'time to live from now on, such as 10s or 24h')
        .argParser(durationMs)
        .conflicts('forever'),
    )
    .option('--forever', 'the entry never expires')
    .addHelpText('after', EXAMPLES)
    .action(touch);
  addClientOptions(command, 'one');
}

/** @throws HearsayError if the key is absent. */
async function touch(key: string, flags: TouchFlags): Promise<void> {
  const { ttl } = flags;
  if (ttl === undefined && flags.forever === undefined)
    throw new SettingError('Give one of --ttl and --forever.');
  await withCommandClient(flags, async (client) => {
    const touched = await client.touch(key, ttl ?? null);
    if (touched === undefined) throw new HearsayError(`There is no ${JSON.stringify(key)}.`);
    const expiresAt = touched.expiresAt?.toISOString() ?? null;
    const { version, node, token } = touched;
    await printLine(
      flags.json
        ? JSON.stringify({ key, version, expires_at: expiresAt, node, token })
        : `expires ${expiresAt ?? 'never'}`,
    );
  });
}

const EXAMPLES = `
Examples:
  hearsay touch session/1 --ttl 30m
  hearsay touch greeting --forever`;
