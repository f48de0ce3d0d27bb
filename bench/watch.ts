/**
 * Fan-out: 1,000 watchers of one prefix. At a steady rate, it measures the time of an event from the
 * publisher to each watcher; at full speed, the number of events per second that reach all of them. In
 * the same run it measures Redis pub/sub, if `redis-server` is installed. Redis stores no published
 * message; Hearsay stores each event and syncs it to the disk first.
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Figure, median, percentile, plain } from './figures.ts';
import { freePorts, startNodes } from './nodes.ts';
import { type Ask, MARK, nowMicroseconds, type Report, TIME_DIGITS } from './watchers.ts';

const WATCHERS = 1000;
const STEADY_EVENTS_PER_SECOND = 50;
/** Publishes under way at full speed. */
const AT_ONCE = 16;
const WATCHER_PROCESS = new URL('./watchers.ts', import.meta.url).pathname;
const START_TRIES = 200;

interface Publisher extends AsyncDisposable {
  readonly name: string;
  readonly over: 'hearsay' | 'redis';
  readonly port: number;
  publish(index: number): Promise<void>;
}

/** @param seconds how long each of the two measurements takes. */
export async function benchWatch(seconds: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const start of [startHearsay, startRedis]) {
    await using publisher = await start();
    if (publisher !== null) figures.push(...(await measure(publisher, seconds)));
  }
  return figures;
}

async function measure(publisher: Publisher, seconds: number): Promise<Figure[]> {
  const { name, over, port } = publisher;
  const watchers = new WatcherProcess();
  try {
    await watchers.connect({ kind: 'connect', over, port, count: WATCHERS });
    await steadily(publisher, watchers, 1);
    const steady = await steadily(publisher, watchers, seconds);
    const full = await atFullSpeed(publisher, watchers, seconds);
    return [
      plain(
        `${name}: ${STEADY_EVENTS_PER_SECOND}/s to ${WATCHERS}, median delay`,
        median(steady),
        'ms',
      ),
      plain(`${name}: the same, 99th percentile`, percentile(steady, 0.99), 'ms'),
      plain(`${name}: full speed to ${WATCHERS}`, full, 'events/s'),
      plain(`${name}: full speed, deliveries`, full * WATCHERS, '1/s'),
    ];
  } finally {
    watchers.end();
  }
}

/** @returns every delay of every watcher, milliseconds. */
async function steadily(
  publisher: Publisher,
  watchers: WatcherProcess,
  seconds: number,
): Promise<number[]> {
  const count = Math.ceil(STEADY_EVENTS_PER_SECOND * seconds);
  for (let index = 0; index < count; index++) {
    await Promise.all([publisher.publish(index), wait(1000 / STEADY_EVENTS_PER_SECOND)]);
  }
  return watchers.untilSeen(count * WATCHERS);
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
    while (performance.now() - startedAt < seconds * 1000) await publisher.publish(index++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, goOn));
  await watchers.untilSeen(index * WATCHERS);
  return index / ((performance.now() - startedAt) / 1000);
}

class WatcherProcess {
  readonly #child: ChildProcess = fork(WATCHER_PROCESS, {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });

  async connect(ask: Ask): Promise<void> {
    await this.#ask(ask);
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
    name: 'Hearsay',
    over: 'hearsay',
    port: Number(port),
    // Another key each time: nothing is passed over because something later has won.
    publish: (index) => put(agent, Number(port), `bench${index}`),
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

/** @returns null where there is no Redis. */
async function startRedis(): Promise<Publisher | null> {
  if (spawnSync('redis-server', ['--version']).error !== undefined) {
    console.log('  redis-server is not installed: Hearsay alone is measured');
    return null;
  }
  const [port = 0] = await freePorts(1);
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', words, { stdio: 'ignore' });
  const socket = await dial(port);
  const waiting: (() => void)[] = [];
  socket.on('data', (bytes) => {
    for (const byte of bytes) if (byte === 0x0a) waiting.shift()?.();
  });
  return {
    name: 'Redis pub/sub',
    over: 'redis',
    port,
    publish: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        socket.write(`PUBLISH events ${payload()}\r\n`);
      }),
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      await ended;
    },
  };
}

async function dial(port: number): Promise<Socket> {
  for (let tries = 0; tries < START_TRIES; tries++) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (isOpen) return socket;
    await wait(50);
  }
  throw new Error('redis-server did not start');
}
