/** `hearsay cluster`: runs several nodes on this machine, each in a process of its own, until Ctrl-C. */
import { listenFailure } from '../../node/listenFailure.ts';
import { type Address, checkPort } from '../../node/portCheck.ts';
import { HearsayError } from '../../words/errors.ts';
import { forTerminal } from '../terminal/escape.ts';
import { LogDestination, stderrWriter } from '../terminal/logDestination.ts';
import { exitCodeOf, stopSignal } from '../terminal/stopSignals.ts';
import { type ChildEnd, ChildNode } from './childNode.ts';
import type { NodePlan } from './clusterPlan.ts';
import { untilReady } from './clusterReady.ts';

/** The most bytes of lines of all nodes that may wait for a slow reader of stderr. */
const LOG_BUFFER_BYTES = 1024 * 1024;
/** A little longer than a node takes for its own stop. */
const STOP_LIMIT_MS = 6000;
/** A node that ends sooner after its start is not started again: it would end again. */
const LEAST_RUN_MS = 3000;

/**
 * Resolves once all nodes have stopped after a signal. A node that ends by itself, or is killed, is
 * started again; the others run on meanwhile.
 *
 * @param entry the file of the `hearsay` command.
 * @throws HearsayError if a node could not start, or ended soon after its start; the others are
 *   stopped.
 */
export async function cluster(plans: readonly NodePlan[], entry: string): Promise<void> {
  for (const { host, port, peerPort } of plans) {
    await refuseTakenPort({ host, port });
    if (peerPort !== null) await refuseTakenPort({ host, port: peerPort });
  }
  const log = new LogDestination(stderrWriter(LOG_BUFFER_BYTES), LOG_BUFFER_BYTES);
  const say = (line: string) => log.write(`${shownLine(line)}\n`);
  // A busy machine may take seconds until the first of them tells anything.
  say(starting(plans));
  const children = plans.map((plan) => new ChildNode(plan, entry, say));
  const stop = stopSignal((signal) => {
    for (const child of children) child.kill();
    process.exit(exitCodeOf(signal));
  }).then(() => 'stop' as const);
  const waiting = new AbortController();
  const welcomed = untilReady(children, waiting.signal).then(() => {
    if (!waiting.signal.aborted) process.stdout.write(welcome(plans));
  });
  try {
    await keepRunning(children, entry, stop, say);
  } finally {
    waiting.abort();
    await welcomed;
    await stopAll(children);
    log.flush();
  }
}

/** Looked at before any node is started, because a node that starts makes its directory. */
async function refuseTakenPort(address: Address): Promise<void> {
  try {
    await checkPort(address);
  } catch (error) {
    throw listenFailure(error, address);
  }
}

/**
 * Resolves at the stop. Each child that ends meanwhile is replaced by a new one, in its place.
 *
 * @throws HearsayError if one ends too soon after its start, or before it served: it would end again.
 */
async function keepRunning(
  children: ChildNode[],
  entry: string,
  stop: Promise<'stop'>,
  say: (line: string) => void,
): Promise<void> {
  const firstStartMs = performance.now();
  const startsMs = children.map(() => firstStartMs);
  let isFirst = true;
  for (;;) {
    const ends = children.map(async ({ ended }, index) => ({ index, end: await ended }));
    const next = await Promise.race([stop, ...ends]);
    if (next === 'stop') return;
    const { index, end } = next;
    const old = children[index];
    const ranMs = performance.now() - (startsMs[index] ?? 0);
    if (old === undefined || !old.isServing || ranMs < LEAST_RUN_MS) {
      if (!isFirst || old?.isServing === true) throw new HearsayError(sentenceOn(end));
      // The others may fail for the same reason, and one sentence tells it.
      for (const child of children) child.mute();
      throw new HearsayError(end.failure ?? sentenceOn(end));
    }
    isFirst = false;
    say(`${end.nodeId} has ended (${end.how}) and is started again.`);
    startsMs[index] = performance.now();
    children[index] = new ChildNode(old.plan, entry, say);
  }
}

const shownLine = (line: string): string =>
  process.stderr.isTTY === true ? forTerminal(line) : line;

async function stopAll(children: readonly ChildNode[]): Promise<void> {
  const killAll = setTimeout(() => {
    for (const child of children) child.kill();
  }, STOP_LIMIT_MS);
  for (const child of children) child.stop();
  await Promise.all(children.map((child) => child.ended));
  clearTimeout(killAll);
}

function sentenceOn({ nodeId, failure, how }: ChildEnd): string {
  return `${nodeId} has ended unexpectedly and the others were stopped: ${failure ?? `${how}.`}`;
}

/** Told at once. */
export function starting(plans: readonly NodePlan[]): string {
  const [first, last] = [plans[0]?.url ?? '', plans.at(-1)?.url ?? ''];
  return plans.length === 1
    ? `Starting one node at ${first} …`
    : `Starting ${plans.length} nodes at ${first} to ${new URL(last).port} …`;
}

const TOKEN_HINT = `Who shows no token may do what the file of tokens allows to everybody. With a token,
  curl takes -H 'Authorization: Bearer TOKEN', and hearsay --token-file FILE or HEARSAY_TOKEN.
`;

const AUTHORITY_HINT = `If an authority of your own has signed the certificate, curl takes
  --cacert FILE, and hearsay --ca FILE or HEARSAY_CA.
`;

/** Prints the running nodes, their addresses, and commands to try. */
export function welcome(plans: readonly NodePlan[]): string {
  const names = plans.map(({ nodeId }) => nodeId.length);
  const urls = plans.map(({ url }) => url.length);
  const lines = plans.map(
    ({ nodeId, url, dataDir }) =>
      `  ${nodeId.padEnd(Math.max(...names))}  ${url.padEnd(Math.max(...urls))}  data in ${dataDir}`,
  );
  const [first, second = first] = plans;
  const key = 'cache/greeting';
  const isTls = first?.url.startsWith('https:') === true;
  return `${plans.length === 1 ? 'One node runs' : `${plans.length} nodes run`}; Ctrl-C stops, the data stays:
${lines.join('\n')}
In a browser: ${first?.url}/
Try:
  curl -X PUT ${first?.url}/${key} -H 'Content-Type: application/json' \\
    -d '{"value": "hello", "version": "next"}'
  curl ${second?.url}/${key}
  curl ${plans.at(-1)?.url}/_cluster
For the hearsay command:
  export HEARSAY_URL=${plans.map(({ url }) => url).join(',')}
${isTls ? AUTHORITY_HINT : ''}${first?.hasTokens === true ? TOKEN_HINT : ''}`;
}
