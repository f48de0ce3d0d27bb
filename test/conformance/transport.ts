/** The rules of the transport's port (src/gossip/transport.ts), for every implementation of it. */
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ConnectionId, Transport, TransportEvent } from '../../src/gossip/transport.ts';

/** Two transports that can dial one another. */
export interface TransportPair {
  readonly dialler: Transport;
  readonly other: Transport;
  /** Leads to `other`. */
  readonly url: string;
  /** Nobody answers there. */
  readonly deadUrl: string;
  /** Lets things happen until the condition holds. @throws Error where it never does. */
  readonly until: (condition: () => boolean) => Promise<void>;
}

/** Runs with a fresh pair, and takes it away however the run ends. */
export type WithPair = (run: (pair: TransportPair) => Promise<void>) => Promise<void>;

class Recorder {
  readonly events: TransportEvent[] = [];
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
    transport.listen((event) => this.events.push(event));
  }

  ofKind<Kind extends TransportEvent['kind']>(
    kind: Kind,
  ): Extract<TransportEvent, { kind: Kind }>[] {
    return this.events.filter(
      (event): event is Extract<TransportEvent, { kind: Kind }> => event.kind === kind,
    );
  }

  get texts(): string[] {
    return this.ofKind('message').map(({ text }) => text);
  }

  get lastOpened(): ConnectionId {
    return this.ofKind('opened').at(-1)?.connection ?? -1;
  }
}

interface Connected {
  readonly pair: TransportPair;
  readonly here: Recorder;
  readonly there: Recorder;
  /** The connection by the name that each side has for it. */
  readonly hereId: ConnectionId;
  readonly thereId: ConnectionId;
}

async function connect(pair: TransportPair, here: Recorder, there: Recorder): Promise<Connected> {
  const opened = here.ofKind('opened').length + 1;
  pair.dialler.dial(pair.url);
  await pair.until(
    () => here.ofKind('opened').length === opened && there.ofKind('opened').length === opened,
  );
  return { pair, here, there, hereId: here.lastOpened, thereId: there.lastOpened };
}

export function transportConformance(name: string, withPair: WithPair): Test {
  const test = suite(`transport: ${name}`);
  const connected = (run: (both: Connected) => Promise<void>): Promise<void> =>
    withPair(async (pair) => {
      await run(await connect(pair, new Recorder(pair.dialler), new Recorder(pair.other)));
    });

  test('a dial that is answered opens a connection on both sides, and one knows the URL', () =>
    connected(async ({ pair, here, there }) => {
      assert.equal(
        here.ofKind('opened').map(({ dialledUrl }) => dialledUrl),
        [pair.url],
      );
      assert.equal(
        there.ofKind('opened').map(({ dialledUrl }) => dialledUrl),
        [null],
      );
    }));

  test('a dial that nobody answers fails, by its URL and with a reason', () =>
    withPair(async (pair) => {
      const here = new Recorder(pair.dialler);
      pair.dialler.dial(pair.deadUrl);
      await pair.until(() => here.events.length > 0);
      const [failed] = here.ofKind('dialFailed');
      assert.is(failed?.url, pair.deadUrl);
      assert.ok((failed?.reason ?? '').length > 0);
      assert.is(here.events.length, 1);
    }));

  test('texts arrive whole and in order, both ways', () =>
    connected(async ({ pair, here, there, hereId, thereId }) => {
      const texts = ['{"type":"hello"}', '{"type":"é😀"}', `{"type":"${'long'.repeat(5000)}"}`];
      const many = Array.from({ length: 50 }, (_unused, index) => `{"type":"later","n":${index}}`);
      for (const text of [...texts, ...many]) pair.dialler.send(hereId, text);
      for (const text of texts) pair.other.send(thereId, text);
      await pair.until(() => there.texts.length === 53 && here.texts.length === 3);
      assert.equal(there.texts, [...texts, ...many]);
      assert.equal(here.texts, texts);
    }));

  test('what either side says at once comes after the other knows of the connection', () =>
    withPair(async (pair) => {
      const told: Record<'here' | 'there', string[]> = { here: [], there: [] };
      for (const [name, transport] of [
        ['here', pair.dialler],
        ['there', pair.other],
      ] as const)
        transport.listen((event) => {
          told[name].push(event.kind === 'message' ? event.text : event.kind);
          if (event.kind === 'opened') transport.send(event.connection, '{"type":"hello"}');
        });
      pair.dialler.dial(pair.url);
      await pair.until(() => told.here.length === 2 && told.there.length === 2);
      for (const events of [told.here, told.there])
        assert.equal(events, ['opened', '{"type":"hello"}']);
    }));

  test('each connection has a number of its own, also after others have closed', () =>
    withPair(async (pair) => {
      const [here, there] = [new Recorder(pair.dialler), new Recorder(pair.other)];
      for (let count = 1; count <= 3; count++) {
        const { hereId } = await connect(pair, here, there);
        pair.dialler.close(hereId, 'enough');
        await pair.until(() => there.ofKind('closed').length === count);
      }
      assert.is(new Set(here.ofKind('opened').map(({ connection }) => connection)).size, 3);
      assert.is(new Set(there.ofKind('opened').map(({ connection }) => connection)).size, 3);
    }));

  test('what was sent before a close arrives, and nothing that was sent after it', () =>
    connected(async ({ pair, there, hereId }) => {
      pair.dialler.send(hereId, '{"type":"before"}');
      pair.dialler.close(hereId, 'the reason');
      pair.dialler.send(hereId, '{"type":"after"}');
      await pair.until(() => there.ofKind('closed').length === 1);
      assert.equal(there.texts, ['{"type":"before"}']);
    }));

  test('both sides are told once that a connection is closed, and the other one why', () =>
    connected(async ({ pair, here, there, hereId, thereId }) => {
      pair.dialler.close(hereId, 'the reason');
      pair.dialler.close(hereId, 'another reason');
      await pair.until(() => there.ofKind('closed').length > 0 && here.ofKind('closed').length > 0);
      assert.equal(there.ofKind('closed'), [
        { kind: 'closed', connection: thereId, reason: 'the reason' },
      ]);
      assert.is(here.ofKind('closed').length, 1);
    }));

  test('a side that has closed is told of no further texts', () =>
    connected(async ({ pair, here, there, hereId, thereId }) => {
      pair.dialler.close(hereId, 'enough');
      pair.other.send(thereId, '{"type":"late"}');
      await pair.until(() => there.ofKind('closed').length === 1);
      assert.equal(here.texts, []);
    }));

  test('a connection that is closed, or never was, takes anything and does nothing', () =>
    connected(async ({ pair, there, hereId }) => {
      pair.dialler.close(hereId, 'enough');
      await pair.until(() => there.ofKind('closed').length === 1);
      for (const connection of [hereId, 999_999]) {
        pair.dialler.send(connection, '{"type":"nothing"}');
        pair.dialler.close(connection, 'nothing');
        assert.is(pair.dialler.bufferedBytes(connection), 0);
      }
    }));

  test('a transport that is stopped closes what is open, and tells nothing more', () =>
    connected(async ({ pair, here, there, thereId }) => {
      const told = here.events.length;
      let isStopped = false;
      const stopped = pair.dialler.stop().then(() => {
        isStopped = true;
      });
      await pair.until(() => isStopped && there.ofKind('closed').length === 1);
      await stopped;
      assert.is(there.ofKind('closed')[0]?.connection, thereId);
      assert.is(here.events.length, told);
    }));

  return test;
}
