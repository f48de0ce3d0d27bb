/**
 * The words for what a lazy link is told (rule 7): origins by their places in a certificate that the peer has named, or by
 * their names.
 *
 * Invariant: a certificate is named by the hash of all that it says, so both sides take the same places for the same origins.
 */
import type { Report } from '../../rules/certificate.ts';
import { type Places, placedSeqs, seqsAtPlaces } from '../../words/placedSeqs.ts';
import type { Vector } from '../../words/vector.ts';
import type { ConnectionId } from '../transport.ts';
import type { Certificates } from './certificates.ts';
import type { CoreState } from './coreState.ts';
import type { HaveMessage } from './spreadMessages.ts';

/** Members that have never written have a place as well. */
const placesOfReports = new WeakMap<Report, Places>();

function placesOf(report: Report): Places {
  const known = placesOfReports.get(report);
  if (known !== undefined) return known;
  const { members, max } = report;
  const places = { order: [...new Set([...members, ...max.keys()])].sort(), base: max };
  placesOfReports.set(report, places);
  return places;
}

export class Haves {
  readonly #state: CoreState;
  readonly #certificates: Certificates;

  constructor(state: CoreState, certificates: Certificates) {
    this.#state = state;
    this.#certificates = certificates;
  }

  messageFor(connection: ConnectionId, seqs: Vector): HaveMessage {
    const named = this.#state.peers.get(connection)?.link.certificate;
    const base = this.#certificates.ofHash(named ?? undefined);
    if (base === undefined) return { type: 'have', seqs: { base: null, steps: [], added: seqs } };
    return { type: 'have', seqs: { base: base.hash, ...placedSeqs(placesOf(base.report), seqs) } };
  }

  /** @returns the seqs that it tells; those by name alone if this node does not hold the certificate, as pulls bring the rest. */
  seqsIn({ seqs }: HaveMessage): Vector {
    const base = this.#certificates.ofHash(seqs.base ?? undefined);
    return (base && seqsAtPlaces(placesOf(base.report), seqs)) ?? seqs.added;
  }
}
