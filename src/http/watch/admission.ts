/** Reads the query of a watch, and decides whether this node serves it. */

import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { Caller } from '../../access/caller.ts';
import type { Replica } from '../../replica/replica.ts';
import type { WatchHub } from '../../watch/hub/hub.ts';
import { OverloadedError, StoppedError } from '../../words/errors.ts';
import { RETRY_AFTER_MS } from '../../words/time.ts';
import type { Callers } from '../access/callers.ts';
import { unprocessable } from '../answer/problem.ts';
import type { AllowedPages } from '../request/pages.ts';
import { isLonger, queryOf } from '../request/target.ts';
import { validate } from '../request/validate.ts';
import type { VectorWaits } from '../wait/vectorWaits.ts';
import { type AdmittedCursor, admitCursor } from './cursorAdmission.ts';

const flag = (byDefault: 'true' | 'false', description: string) =>
  z.enum(['true', 'false'], 'must be true or false').default(byDefault).meta({ description });

export const watchQuerySchema = z.object({
  prefix: z.string().default('').meta({ description: 'Watch the keys with this prefix.' }),
  cursor: z
    .string()
    .optional()
    .meta({ description: 'Go on from here: the cursor of an event, from any node.' }),
  lastEventId: z.string().optional().meta({
    description: 'The header Last-Event-ID, for clients that can send no header.',
  }),
  'Last-Event-ID': z.string().optional().meta({ description: 'The cursor of the last event.' }),
  evs_last_event_id: z.string().optional().meta({ description: 'The cursor of the last event.' }),
  ticket: z
    .string()
    .optional()
    .meta({ description: 'From `POST /_ticket`, for clients that can send no header.' }),
  initial: flag('false', 'Without a cursor: tell the present entries first.'),
  values: flag('true', 'Whether puts carry the value.'),
  touches: flag(
    'false',
    'Whether entries that only got another time to live are told, as `touch`.',
  ),
});

export interface WatchQuery {
  readonly prefix: string;
  readonly cursor: string | null;
  readonly withState: boolean;
  readonly withValues: boolean;
  /** Whether entries that only got another expiry are told. */
  readonly withTouches: boolean;
}

export interface WatchAdmissionOptions {
  readonly replica: Replica;
  readonly hub: WatchHub;
  readonly waits: VectorWaits;
  readonly pages: AllowedPages;
  readonly callers: Callers;
  readonly maxKeyBytes: number;
  /** The longest wait for a cursor that is ahead of this node, in milliseconds. */
  readonly waitTimeoutMs: number;
}

/** Decides whether a watch is served, by the same rules for a stream and for a WebSocket. */
export class WatchAdmission {
  readonly #options: WatchAdmissionOptions;

  constructor(options: WatchAdmissionOptions) {
    this.#options = options;
  }

  /**
   * Reads the query of an upgrade, which no route takes.
   *
   * @throws Problem 400 for a text that does not decode, 422 for a malformed parameter.
   */
  readQuery({ url = '/' }: IncomingMessage): WatchQuery {
    const names = Object.keys(watchQuerySchema.shape);
    return this.checkQuery(validate(watchQuerySchema, queryOf(url, names)));
  }

  /** @throws Problem 422 */
  checkQuery(query: z.output<typeof watchQuerySchema>): WatchQuery {
    if (isLonger(query.prefix, this.#options.maxKeyBytes))
      throw unprocessable([{ field: 'prefix', message: `must not be longer than a key may be` }]);
    return {
      prefix: query.prefix,
      // A client that connects again leaves the cursor of its URL as it was.
      cursor:
        query.lastEventId ||
        query['Last-Event-ID'] ||
        query.evs_last_event_id ||
        query.cursor ||
        null,
      withState: query.initial === 'true',
      withValues: query.values === 'true',
      withTouches: query.touches === 'true',
    };
  }

  /** The query of a watch needs more than the scope `watch`. @throws Problem 401, 403 */
  requireValues(caller: Caller, { withState, withValues }: WatchQuery): void {
    if (withState || withValues) this.#options.callers.require({ caller, refusal: null }, 'read');
  }

  /**
   * Refuses foreign pages for good, and every client while the node can't serve a watch.
   *
   * @throws Problem 403; StoppedError, NotReadableError, OverloadedError: 503 for now.
   */
  refuse(request: IncomingMessage): void {
    this.#options.pages.refuseForeign(request);
    this.requireServing();
  }

  /**
   * Asked again after a wait, right before the watch is opened: meanwhile the node may have begun to stop.
   *
   * @throws StoppedError, NotReadableError, OverloadedError: 503 for now.
   */
  requireServing(): void {
    const { hub, replica } = this.#options;
    if (hub.isStopped) throw new StoppedError();
    replica.readiness.requireReadable();
    if (hub.isFull) throw new OverloadedError(RETRY_AFTER_MS, 'watchers');
  }

  /** @throws the errors of `admitCursor`; those of `requireServing` first: a node that stops says nothing of a cursor. */
  async admitCursor(text: string | null, signal: AbortSignal): Promise<AdmittedCursor> {
    try {
      return await admitCursor(text, this.#options, signal);
    } catch (error) {
      this.requireServing();
      throw error;
    }
  }
}
