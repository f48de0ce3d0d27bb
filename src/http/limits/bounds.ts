/**
 * All that keeps clients within bounds, in one place: connections, bodies, slow requests, unread answers, and
 * shedding. The bounds on single callers (requests a second, watches, wrong tokens) are in `access/`, with the
 * texts of their refusals in `quotas.ts`.
 */
import type { IncomingMessage } from 'node:http';
import type { Registry } from 'prom-client';
import type { Networks } from '../../net/networks.ts';
import type { Limits } from '../../words/limits.ts';
import { Figures } from '../metrics.ts';
import { type AddressOf, clientAddress } from './clientAddress.ts';
import { Connections } from './connections.ts';
import { type ConnectionsChange, FullConnections } from './fullConnections.ts';
import { LongBodies } from './longBodies.ts';
import { type Load, type ShedChange, Shedding } from './shedding.ts';
import { SlowRequests } from './slowRequests.ts';

export interface BoundsOptions {
  readonly limits: Limits;
  /** A client that reads nothing of its answer for this many milliseconds loses its connection. */
  readonly sendTimeoutMs: number;
  /** The proxies whose word for the address of a client counts. */
  readonly trustedProxies: Networks;
  readonly load: Omit<Load, 'answers'>;
  /** Called when the node begins to shed requests for a reason, and when it ends. */
  readonly shedChanged?: (change: ShedChange) => void;
  /** Called when clients hold all connections, and when there is room again. */
  readonly connectionsChanged?: (change: ConnectionsChange) => void;
}

/** Time between two looks at the load, in milliseconds. */
const LOOK_INTERVAL_MS = 100;

export class Bounds {
  readonly connections: Connections;
  readonly fullConnections: FullConnections;
  readonly longBodies: LongBodies;
  readonly slowRequests: SlowRequests;
  readonly shedding: Shedding;
  readonly addressOf: AddressOf;
  readonly #timer: NodeJS.Timeout;

  constructor(options: BoundsOptions) {
    const { limits, sendTimeoutMs, trustedProxies, load, shedChanged, connectionsChanged } =
      options;
    this.connections = new Connections({ limits, sendTimeoutMs, trustedProxies });
    this.fullConnections = new FullConnections(this.connections, limits.maxConnections);
    const { answers } = this.connections;
    this.longBodies = new LongBodies(limits);
    this.addressOf = clientAddress(trustedProxies);
    this.slowRequests = new SlowRequests(limits, this.addressOf);
    this.shedding = new Shedding(limits, { ...load, answers: () => answers.share });
    this.#timer = setInterval(() => {
      for (const change of this.shedding.look(performance.now())) shedChanged?.(change);
      const change = this.fullConnections.look();
      if (change !== null) connectionsChanged?.(change);
    }, LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Asked before anything of a request is looked at. @throws Problem 429, 503 */
  requireRoom(request: IncomingMessage, path: string): void {
    this.shedding.require(request.method, path);
    this.connections.requireRoom(request, path);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

export function registerBoundsMetrics(registry: Registry, bounds: Bounds): void {
  const { connections, longBodies, slowRequests, shedding } = bounds;
  const figures = new Figures(registry);
  figures.gauge(
    'hearsay_connections',
    'Connections, upgraded ones included.',
    () => connections.size,
  );
  figures.gauge(
    'hearsay_answer_bytes',
    'Bytes of answers that clients have not taken yet.',
    () => connections.answers.bytes,
  );
  figures.totals(
    'hearsay_connections_ended_total',
    'Connections that were ended or refused, by reason.',
    'reason',
    () => connections.ended,
  );
  figures.totals(
    'hearsay_unreadable_requests_total',
    'Requests that could not be read, by the reason: a long header or chunk extension, the time, or the form.',
    'reason',
    () => connections.unread,
  );
  figures.totals(
    'hearsay_requests_without_room_total',
    'Requests that were refused because too many connections were open, or too many answers unread.',
    'reason',
    () => connections.refused,
  );
  figures.gauge(
    'hearsay_body_bytes',
    'Bytes that have come of long bodies that are not whole yet.',
    () => longBodies.underWayBytes,
  );
  figures.total(
    'hearsay_long_bodies_total',
    'Bodies longer than --max-small-body-bytes, and bodies of unknown length.',
    () => longBodies.begun,
  );
  figures.total(
    'hearsay_slow_bodies_total',
    'Bodies that were given up because they came too slowly.',
    () => longBodies.slow,
  );
  figures.total(
    'hearsay_bodies_refused_total',
    'Bodies that were given up because too many bytes of long bodies were under way.',
    () => longBodies.refused,
  );
  figures.gauge(
    'hearsay_slow_requests',
    'Requests of the slow class that are under way.',
    () => slowRequests.underWay,
  );
  figures.total(
    'hearsay_slow_requests_refused_total',
    'Requests that were refused because too many of the slow class were under way.',
    () => slowRequests.refused,
  );
  figures.gauges(
    'hearsay_shedding',
    '1 while requests are refused so that memory, the queue or the room for answers does not run out, by the reason.',
    'reason',
    () => ({
      heap: Number(shedding.isFor('heap')),
      queue: Number(shedding.isFor('queue')),
      answers: Number(shedding.isFor('answers')),
    }),
  );
  figures.totals(
    'hearsay_shed_requests_total',
    'Requests that were refused so that memory, the queue or the room for answers does not run out, by the reason.',
    'reason',
    () => shedding.refused,
  );
}
