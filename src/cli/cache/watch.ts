/** `hearsay watch`: prints every change, until Ctrl-C. */
import { type Command, Option } from 'commander';
import type {
  ConnectionState,
  KeyEvent,
  StreamEvent,
  TouchEvent,
  WatchEvent,
} from '../../client/index.ts';
import { HearsayError } from '../../words/errors.ts';
import { areNamed, noneNamed, urlsOf } from '../remote/address.ts';
import { note, outputColumns, printLine } from '../terminal/output.ts';
import { Table } from '../terminal/table.ts';
import { durationText, instant } from '../terminal/text.ts';
import { entryJson, shownKey, shownValue } from '../terminal/values.ts';
import {
  addClientOptions,
  type ClientFlags,
  wholeNumber,
  withCommandClient,
} from './clientCommand.ts';
import { ENTRY_COLUMNS, entryCells, VALUE_COLUMN } from './entryColumns.ts';

interface WatchFlags extends ClientFlags {
  readonly cursor?: string;
  readonly initial?: true;
  /** False for --no-values. */
  readonly values: boolean;
  readonly touches?: true;
  readonly count?: number;
}

const TYPE_COLUMN = { title: 'TYPE', width: 6 };

export function register(program: Command): void {
  const command = program
    .command('watch')
    .summary('print every change')
    .description(
      'Prints the changes of the keys with a prefix as they happen, until Ctrl-C. If a node goes ' +
        'away, the watch goes on at another. With --json each line has the cursor to go on from.',
    )
    .argument('[prefix]', 'only keys that begin with this text')
    .option('--cursor <cursor>', 'go on from this cursor')
    .option('--initial', 'print the present entries first')
    .option('--no-values', 'leave the values out')
    .option('--touches', 'print entries that only got another time to live, too')
    .addOption(
      new Option('--count <number>', 'end after this number of changes').argParser(
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .addHelpText('after', EXAMPLES)
    .action(watch);
  addClientOptions(command, 'endless');
}

async function watch(prefix: string | undefined, flags: WatchFlags): Promise<void> {
  await withCommandClient(flags, async (client, timeoutMs) => {
    const connection = new Connection(urlsOf(flags.url), timeoutMs);
    const table = new Table([TYPE_COLUMN, ...ENTRY_COLUMNS], VALUE_COLUMN, outputColumns(), 2);
    let left = flags.count ?? Number.POSITIVE_INFINITY;
    const events = client.watch({
      prefix: prefix ?? '',
      initial: flags.initial === true,
      values: flags.values,
      touches: flags.touches === true,
      signal: connection.signal,
      onConnection: (state) => connection.note(state),
      ...(flags.cursor !== undefined && { cursor: flags.cursor }),
    });
    try {
      for await (const event of events) {
        connection.heard();
        if (flags.json) await printLine(jsonLine(event, flags.values));
        else if ('key' in event) await printLine(table.row(cellsOf(event, flags.values)));
        else noteOn(event);
        if ('key' in event && --left <= 0) return;
      }
    } finally {
      connection.end();
    }
  });
}

/**
 * Says on stderr which node sends the events; ends the watch if none ever did. A node may open a connection and then
 * refuse the cursor, so that only an event shows that the watch goes on.
 */
class Connection {
  readonly #urls: readonly string[];
  readonly #first = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** The node that is connected now. */
  #current: string | null = null;
  /** Whether it was said that the current node is watched. */
  #isNamed = false;
  /** Nodes that were told to be out of reach since the last event. */
  readonly #told = new Set<string>();
  #lastReason: string | null = null;
  /** The words of a node that could be reached. */
  #refusal: string | null = null;

  constructor(urls: readonly string[], timeoutMs: number) {
    this.#urls = urls;
    this.#timer = setTimeout(() => {
      const reason = this.#refusal ?? this.#lastReason ?? 'no answer';
      const within = durationText(timeoutMs);
      const advice = this.#refusal === null ? noneNamed(this.#urls) : '';
      this.#first.abort(
        new HearsayError(`No node could be watched within ${within}: ${reason}.${advice}`),
      );
    }, timeoutMs);
  }

  /** Aborts if there was no event in time. */
  get signal(): AbortSignal {
    return this.#first.signal;
  }

  /** An event has come. */
  heard(): void {
    clearTimeout(this.#timer);
    this.#told.clear();
    if (this.#isNamed || this.#current === null) return;
    this.#isNamed = true;
    note(`Watching ${this.#current}.`);
  }

  note({ isConnected, endpoint, reason }: ConnectionState): void {
    if (isConnected) {
      this.#current = endpoint;
      this.#isNamed = false;
      return;
    }
    this.#lastReason = `${endpoint}: ${reason?.replace(/\.$/, '')}`;
    const wasConnected = endpoint === this.#current;
    const wasNamed = wasConnected && this.#isNamed;
    if (wasConnected) {
      this.#current = null;
      this.#refusal = this.#lastReason;
    }
    if (this.#told.has(endpoint) || !(wasConnected || areNamed(this.#urls))) return;
    this.#told.add(endpoint);
    const state = wasNamed ? 'is lost' : "can't be watched";
    note(`${endpoint} ${state} (${reason}); trying again.`);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function jsonLine(event: WatchEvent, hasValues: boolean): string {
  const { type, cursor } = event;
  if (!('key' in event)) return JSON.stringify({ type, cursor });
  const { key, version } = event;
  if (event.type === 'delete' || event.type === 'expire')
    return JSON.stringify({ type, key, version, cursor });
  const expires_at = event.expiresAt?.toISOString() ?? null;
  if (event.type === 'touch') return JSON.stringify({ type, key, version, expires_at, cursor });
  return entryJson({ type, key, version, expires_at, cursor }, hasValues ? event : null);
}

/** A bookmark has no meaning for people. */
function noteOn({ type }: StreamEvent): void {
  if (type === 'synced') note('Up to date.');
  if (type === 'reset') note('The log does not reach back to the cursor: the whole state follows.');
}

function cellsOf(event: KeyEvent | TouchEvent, hasValues: boolean): string[] {
  const { type, key, version } = event;
  if (type === 'touch') return [type, ...entryCells(key, version, untilText(event))];
  if (type !== 'put') return [type, shownKey(key)];
  return [type, ...entryCells(key, version, hasValues ? shownValue(event) : '')];
}

const untilText = ({ expiresAt }: TouchEvent): string =>
  expiresAt === null ? 'never expires' : `expires at ${instant(expiresAt.getTime())}`;

const EXAMPLES = `
Examples:
  hearsay watch user/ --initial
  hearsay watch --json --url http://localhost:8001 --url http://localhost:8002`;
