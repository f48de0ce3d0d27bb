/** `hearsay watch`: every change, until Ctrl-C. */
import { type Command, Option } from 'commander';
import type { ConnectionState, KeyEvent, WatchEvent } from '../../client/index.ts';
import { HearsayError } from '../../words/errors.ts';
import { fitted, note, printLine } from '../terminal/output.ts';
import { entryJson, shownKey, shownValue } from '../terminal/values.ts';
import {
  addClientOptions,
  type ClientFlags,
  wholeNumber,
  withCommandClient,
} from './clientCommand.ts';
import { entryRow } from './list.ts';

interface WatchFlags extends ClientFlags {
  readonly cursor?: string;
  readonly initial?: true;
  /** False for --no-values. */
  readonly values: boolean;
  readonly count?: number;
}

const TYPE_COLUMNS = 6;

export function register(program: Command): void {
  const command = program
    .command('watch')
    .summary('print every change')
    .description(
      'Prints the changes of the keys with a prefix as they happen, until Ctrl-C. Where a node goes ' +
        'away it goes on from another. With --json each line has the cursor to go on from.',
    )
    .argument('[prefix]', 'only keys that start so')
    .option('--cursor <cursor>', 'go on from here')
    .option('--initial', 'the present entries first')
    .option('--no-values', 'without the values')
    .addOption(
      new Option('--count <number>', 'end after so many changes').argParser(
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .addHelpText('after', EXAMPLES)
    .action(watch);
  addClientOptions(command);
}

async function watch(prefix: string | undefined, flags: WatchFlags): Promise<void> {
  await withCommandClient(flags, async (client, timeoutMs) => {
    const connection = new Connection(timeoutMs);
    let left = flags.count ?? Number.POSITIVE_INFINITY;
    const events = client.watch({
      prefix: prefix ?? '',
      initial: flags.initial === true,
      values: flags.values,
      signal: connection.signal,
      onConnection: (state) => connection.note(state),
      ...(flags.cursor !== undefined && { cursor: flags.cursor }),
    });
    try {
      for await (const event of events) {
        const line = flags.json ? jsonLine(event, flags.values) : textLine(event, flags.values);
        if (line !== null) await printLine(line);
        if ('key' in event && --left <= 0) return;
      }
    } finally {
      connection.end();
    }
  });
}

/** Says on stderr where the events come from; ends the watch that never had a connection. */
class Connection {
  readonly #first = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #lastReason: string | null = null;

  constructor(timeoutMs: number) {
    this.#timer = setTimeout(() => {
      const reason = this.#lastReason ?? 'no answer';
      this.#first.abort(
        new HearsayError(`No node could be watched within ${timeoutMs} ms: ${reason}.`),
      );
    }, timeoutMs);
  }

  /** Aborts where there was no connection in time. */
  get signal(): AbortSignal {
    return this.#first.signal;
  }

  note({ isConnected, endpoint, reason }: ConnectionState): void {
    this.#lastReason = `${endpoint}: ${reason}`;
    if (isConnected) clearTimeout(this.#timer);
    note(isConnected ? `Watching ${endpoint}.` : `${endpoint} is lost (${reason}); trying again.`);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function jsonLine(event: WatchEvent, hasValues: boolean): string {
  const { type, cursor } = event;
  if (!('key' in event)) return JSON.stringify({ type, cursor });
  const { key, version } = event;
  if (event.type !== 'put') return JSON.stringify({ type, key, version, cursor });
  const expires_at = event.expiresAt?.toISOString() ?? null;
  return entryJson({ type, key, version, expires_at, cursor }, hasValues ? event : null);
}

/** Null for what says nothing to people. */
function textLine(event: WatchEvent, hasValues: boolean): string | null {
  if ('key' in event)
    return fitted(`${event.type.padEnd(TYPE_COLUMNS)}  ${changeText(event, hasValues)}`);
  if (event.type === 'synced') note('Up to date.');
  if (event.type === 'reset') note('The log does not reach back so far: the whole state follows.');
  return null;
}

function changeText(event: KeyEvent, hasValues: boolean): string {
  if (event.type !== 'put') return shownKey(event.key);
  return entryRow(event.key, event.version, hasValues ? shownValue(event) : '').trimEnd();
}

const EXAMPLES = `
Examples:
  hearsay watch user/ --initial
  hearsay watch --json --url http://localhost:8001 --url http://localhost:8002`;
