/**
 * Fan-out: 1,000 watchers of one prefix. At a steady rate, it measures the time of an event from the
 * publisher to each watcher; at full speed, the number of events per second that reach all of them. In
 * the same run it measures Redis pub/sub, if `redis-server` is installed. Redis stores no published
 * message; Hearsay stores each event and syncs it to the disk first.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { atLeast, type Figure, median, type Outcome, percentile, plain } from './figures.ts';
import { inTurn, type Measure } from './inTurn.ts';
import { startNodes } from './nodes.ts';
import { IN_MEMORY, startRedis } from './redis.ts';
import { type Scale, scaled } from './scale.ts';
import { missing } from './tools.ts';
import { type Ask, MARK, nowMicroseconds, type Report, TIME_DIGITS } from './watchers.ts';

const WATCHERS = 1000;
const STEADY_EVENTS_PER_SECOND = 50;
/** Publishes under way at full speed. */
const AT_ONCE = 16;
const WATCHER_PROCESS = new URL('./watchers.ts', import.meta.url).pathname;

/** Another key each time: nothing is passed over because something later has won. */
let published = 0;

interface Publisher extends AsyncDisposable {
  readonly over: 'hearsay' | 'redis';
  readonly port: number;
  publish(): Promise<void>;
}

export async function benchWatch(scale: Scale): Promise<Outcome> {
  const skipped = missing('redis-server');
  const watchers = scaled(WATCHERS, scale);
  await using resources = new AsyncDisposableStack();
  const open = async (publisher: Publisher): Promise<Measure<Measured>> => {
    resources.use(publisher);
    const process = new WatcherProcess(watchers);
    resources.defer(() => process.end());
    await process.connect({ over: publisher.over, port: publisher.port });
    return () => measure(publisher, process, scale.seconds);
  };
  const rounds = await inTurn<Publisher['over'], Measured>(scale, {
    hearsay: await open(await startHearsay()),
    ...(skipped.length === 0 && { redis: await open(await startRedisPublisher()) }),
  });
  const figures: Figure[] = [];
  for (const side of ['hearsay', ...(skipped.length === 0 ? (['redis'] as const) : [])] as const) {
    const name = side === 'hearsay' ? 'node' : 'Redis pub/sub';
    const steady = `${name}: ${STEADY_EVENTS_PER_SECOND}/s to ${watchers}`;
    const full = rounds.median(side, 'perSecond');
    figures.push(plain(`${steady}, median delay`, rounds.median(side, 'medianMs'), 'ms'));
    figures.push(plain(`${steady}, 99th percentile`, rounds.median(side, 'p99Ms'), 'ms'));
    figures.push(plain(`${name}: full speed to ${watchers}`, full, 'events/s'));
    figures.push(plain(`${name}: full speed, deliveries`, full * watchers, '1/s'));
  }
  if (skipped.length === 0) {
    const ratio = rounds.ratio('hearsay', 'redis', 'perSecond');
    figures.push(atLeast('full speed, node / Redis pub/sub', ratio, '', 1));
  }
  return { figures, skipped };
}

type Measured = 'medianMs' | 'p99Ms' | 'perSecond';

async function measure(
  publisher: Publisher,
  watchers: WatcherProcess,
  seconds: number,
): Promise<Record<Measured, number>> {
  const steady = await steadily(publisher, watchers, seconds);
  const perSecond = await atFullSpeed(publisher, watchers, seconds);
  return { medianMs: median(steady), p99Ms: percentile(steady, 0.99), perSecond };
}

/** @returns every delay of every watcher, milliseconds. */
async function steadily(
  publisher: Publisher,
  watchers: WatcherProcess,
  seconds: number,
): Promise<number[]> {
  const count = Math.ceil(STEADY_EVENTS_PER_SECOND * seconds);
  for (let index = 0; index < count; index++) {
    await Promise.all([publisher.publish(), wait(1000 / STEADY_EVENTS_PER_SECOND)]);
  }
  return watchers.untilSeen(count * watchers.count);
}

/** @returns events a second, until the last watcher has seen the last of them. */
async function atFullSpeed(
  publisher: Publisher,
  watchers: WatcherProcess,
  seconds: number,
): Promise<number> {
  const startedAt = performance.now();
  let index = 0;
  const goOn = async (): Promise<void> => {
    for (; performance.now() - startedAt < seconds * 1000; index++) await publisher.publish();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, goOn));
  await watchers.untilSeen(index * watchers.count);
  return index / ((performance.now() - startedAt) / 1000);
}

class WatcherProcess {
  readonly #child: ChildProcess = fork(WATCHER_PROCESS, {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });

  /** The number of watchers. */
  readonly count: number;

  constructor(count: number) {
    this.count = count;
  }

  async connect({ over, port }: Pick<Publisher, 'over' | 'port'>): Promise<void> {
    await this.#ask({ kind: 'connect', over, port, count: this.count });
  }

  /** @returns the delays. */
  async untilSeen(events: number): Promise<number[]> {
    const delays: number[] = [];
    for (let seen = 0; seen < events; ) {
      const report = await this.#ask({ kind: 'report' });
      if (report.kind !== 'seen') throw new Error('the watchers did not report');
      seen += report.events;
      for (const delay of report.delaysMs) delays.push(delay);
      if (seen < events) await wait(20);
    }
    return delays;
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  #ask(ask: Ask): Promise<Report> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('the watchers have ended'));
      this.#child.once('exit', ended);
      this.#child.once('message', (report: Report) => {
        this.#child.off('exit', ended);
        resolve(report);
      });
      this.#child.send(ask);
    });
  }
}

const payload = (): string => `${MARK}${String(nowMicroseconds()).padStart(TIME_DIGITS, '0')}`;

async function startHearsay(): Promise<Publisher> {
  const nodes = await startNodes(1);
  const { port } = new URL(nodes.urls[0] ?? '');
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  return {
    over: 'hearsay',
    port: Number(port),
    publish: () => put(agent, Number(port), `bench${published++}`),
    [Symbol.asyncDispose]: async () => {
      agent.destroy();
      await nodes[Symbol.asyncDispose]();
    },
  };
}

function put(agent: Agent, port: number, key: string): Promise<void> {
  const body = `{"value":"${payload()}","version":"next"}`;
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
  return new Promise((resolve, reject) => {
    const sent = request(
      { agent, port, method: 'PUT', path: `/cache/${key}`, headers },
      (answer) => {
        answer.resume();
        answer.on('end', () =>
          answer.statusCode === 200
            ? resolve()
            : reject(new Error(`answered ${answer.statusCode}`)),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

async function startRedisPublisher(): Promise<Publisher> {
  const redis = await startRedis(IN_MEMORY);
  return {
    over: 'redis',
    port: redis.port,
    publish: async () => {
      await redis.client.publish('events', payload());
    },
    [Symbol.asyncDispose]: () => redis.stop(),
  };
}
