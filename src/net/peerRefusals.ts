/** Peers that are refused before they have proved themselves: counted, and told to people. */
import type { NoteFacts } from '../words/note.ts';
import type { UnprovedFault } from './unproved.ts';

/** `certificate`: it shows none that names a node of the cluster. `token`: it shows a wrong one in the header, or neither that nor offers a proof. `full`: there is no room. */
export type RefusedFor = UnprovedFault | 'token' | 'certificate' | 'full';

/** How many, by the reason. */
export type RefusedPeers = Readonly<Record<RefusedFor, number>>;

export interface RefusalPorts {
  readonly note: (level: 'info' | 'warn', text: string, facts: NoteFacts) => void;
  /** Told of each peer that may have guessed. */
  readonly refused?: (address: string) => void;
}

/** No fault of the peer itself. */
const HARMLESS: ReadonlySet<RefusedFor> = new Set(['full', 'crowded', 'left']);
const MAX_ADDRESSES = 1000;

export class PeerRefusals {
  readonly counts: Record<RefusedFor, number> = {
    token: 0,
    certificate: 0,
    proof: 0,
    doubted: 0,
    form: 0,
    size: 0,
    silence: 0,
    left: 0,
    crowded: 0,
    full: 0,
  };
  readonly #ports: RefusalPorts;
  readonly #told = new Set<string>();

  constructor(ports: RefusalPorts) {
    this.#ports = ports;
  }

  add(reason: RefusedFor, address: string): void {
    this.counts[reason]++;
    if (HARMLESS.has(reason)) return;
    this.#ports.refused?.(address);
    // Once for each address, so that a misconfigured peer that tries again does not fill the log.
    if (this.#told.has(address) || this.#told.size >= MAX_ADDRESSES) return;
    this.#told.add(address);
    this.#ports.note('warn', `${address} ${SENTENCES[reason] ?? NO_PROOF}`, {
      event: 'unproved',
      address,
      reason,
    });
  }
}

const NO_TOKEN = 'asked for gossip with a wrong or missing X-Internal-Token and was refused';
const NO_PROOF =
  'did not prove that it knows the token of this cluster and was refused: if it is a node of the cluster, start it ' +
  'with the same --internal-token-file or --internal-token';

const NO_CERTIFICATE =
  'asked for gossip without a certificate that names a node of this cluster and was refused: if it is a node of the cluster, ' +
  'start it with --peer-auth mtls and a certificate by an authority of --peer-tls-ca';

const SENTENCES: Readonly<Partial<Record<RefusedFor, string>>> = {
  token: NO_TOKEN,
  certificate: NO_CERTIFICATE,
};

/** Ends a sentence about a peer, as the texts below do. */
export const TOKEN_REFUSED =
  'it has another token; start both nodes with the same --internal-token-file or --internal-token';

export const PROOF_UNKNOWN =
  'it asks for the token itself, as nodes up to 0.3.0 do: bring it up to date, let it dial this node, or start this ' +
  'node with --peer-auth header until then';

export const CHANGED = 'this node goes on under another origin or token';

const REASONS: Readonly<Partial<Record<UnprovedFault, string>>> = {
  proof: TOKEN_REFUSED,
  doubted: TOKEN_REFUSED,
  form: 'it does not prove that it knows the token',
  size: 'it does not prove that it knows the token',
  silence: 'it did not prove in time that it knows the token',
};

/** @returns the reason why a dial failed; undefined if the connection itself tells it. */
export const reasonOf = (fault: UnprovedFault): string | undefined => REASONS[fault];
