/** The options of `npm run chaos`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { NetworkKind } from './network/network.ts';
import { MAIN } from './nodes/environment.ts';
import { type Fault, LINK_FAULTS, NODE_FAULTS } from './schedule.ts';

export interface Options {
  readonly nodes: number;
  readonly minutes: number;
  readonly seeds: readonly number[];
  readonly network: NetworkKind | null;
  readonly faults: readonly Fault['kind'][];
  readonly settings: Readonly<Record<string, string>>;
  /** The command line that the nodes are processes of. */
  readonly main: string;
  readonly keep: boolean;
  readonly verbose: boolean;
}

const ALL_FAULTS: readonly Fault['kind'][] = [...LINK_FAULTS, ...NODE_FAULTS];
const MAX_NODES = 15;

/** @throws CommanderError and ends the process where the words are wrong, with exit code 2. */
export function readOptions(words: readonly string[]): Options {
  const program = new Command('chaos')
    .description('Runs real nodes under real faults, and checks that they keep their promises.')
    .option('--nodes <number>', `how many nodes, 1 to ${MAX_NODES}`, whole(1, MAX_NODES), 3)
    .option('--minutes <number>', 'how long each seed loads them', positive, 1)
    .option('--seed <number>', 'one seed', whole(0, 2 ** 31 - 1))
    .option('--seeds <from..to>', 'several seeds, one after another', readSeeds)
    .addOption(
      new Option('--network <kind>', 'default: namespaces where root allows them').choices([
        'namespaces',
        'proxy',
      ]),
    )
    .option('--faults <kinds>', `of: ${ALL_FAULTS.join(',')}`, readFaults, ALL_FAULTS)
    .option('--setting <NAME=VALUE>', 'of all nodes; may be given often', readSetting, {})
    .option('--main <file>', 'src/main.ts of another checkout, to run its nodes', MAIN)
    .option('--keep', 'keep the data directories and the nodes’ own messages', false)
    .option('--verbose', 'tell each step', false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  program.parse([...words], { from: 'user' });
  const { seed, seeds, network, setting, ...others } = program.opts<{
    seed?: number;
    seeds?: readonly number[];
    network?: NetworkKind;
    setting: Readonly<Record<string, string>>;
    nodes: number;
    minutes: number;
    faults: readonly Fault['kind'][];
    main: string;
    keep: boolean;
    verbose: boolean;
  }>();
  return { ...others, seeds: seeds ?? [seed ?? 1], network: network ?? null, settings: setting };
}

function whole(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 24 * 60))
    throw new InvalidArgumentError('It must be a number above 0, and at most a day.');
  return value;
}

function readSeeds(text: string): readonly number[] {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (!(first <= last && last - first < 10_000))
    throw new InvalidArgumentError('It must be as 1..10.');
  return Array.from({ length: last - first + 1 }, (_unused, index) => first + index);
}

function readFaults(text: string): readonly Fault['kind'][] {
  return text
    .split(',')
    .filter((name) => name !== '')
    .map((name) => {
      const kind = ALL_FAULTS.find((known) => known === name.trim());
      if (kind === undefined) throw new InvalidArgumentError(`There is no fault "${name}".`);
      return kind;
    });
}

function readSetting(text: string, before: Readonly<Record<string, string>>) {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be as RETENTION=3s.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
