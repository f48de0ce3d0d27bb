/**
 * The proof by which two nodes show each other that they know a secret of their cluster, before either says anything
 * else: an HMAC (RFC 2104) over a random number of each side. The acceptor proves first, so a node that dials a wrong
 * host gives nothing away.
 *
 * Invariants: no message holds the secret. A proof names its side, so that it proves nothing if it is sent back, and
 * the numbers of both sides, so that it counts once. After a proof that counts, and after a fault, nothing more is
 * taken.
 */
import { z } from 'zod';
import { originName } from './fieldCodecs.ts';

/** The subprotocol of WebSocket by which a dialler offers this proof. */
export const PROOF_SUBPROTOCOL = 'hearsay.proof.1';
/** The bytes of the random number of each side. */
export const NONCE_BYTES = 32;

/** A secret of the cluster, as the proof uses it. */
export interface ProofKey {
  /** The HMAC of the text, as 43 characters of base64url. */
  sign(text: string): string;
  /** Compares in a time that tells nothing of the right proof. */
  verifies(text: string, proof: string): boolean;
}

/** One life of a node: its hello has the same two. */
export interface Life {
  readonly origin: string;
  readonly instance: string;
}

/** `form`: the text is not the message that is due. `proof`: the other side does not know the secret. */
export type ProofFault = 'form' | 'proof';

/** The effect of a message of the other side. */
export type ProofStep<Key> =
  | { readonly kind: 'send'; readonly text: string }
  | {
      readonly kind: 'proved';
      /** The last message to the other side; null if none is due. */
      readonly text: string | null;
      /** The secret that both sides know. */
      readonly key: Key;
      readonly peer: Life;
      /** The random numbers of the dialler and of the acceptor. */
      readonly nonces: readonly [string, string];
    }
  | { readonly kind: 'failed'; readonly fault: ProofFault };

/** Texts without line feeds, which part the fields of a proof. */
const random = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const clusterName = z.string().regex(/^[\x21-\x7e]{1,256}$/);
const life = { origin: originName, instance: z.string().regex(/^[\x21-\x7e]{1,64}$/) };

const asking = z.object({ type: z.literal('prove'), nonce: random, cluster: clusterName });
const ofAcceptor = z.object({ type: z.literal('proof'), nonce: random, ...life, proof: random });
const ofDialler = z.object({ type: z.literal('proof'), ...life, proof: random });

interface Said {
  readonly cluster: string;
  readonly nonces: readonly [string, string];
}

/** The text under a proof. */
const signedText = (
  side: 'dialler' | 'acceptor',
  { cluster, nonces }: Said,
  { origin, instance }: Life,
): string => [PROOF_SUBPROTOCOL, side, cluster, ...nonces, origin, instance].join('\n');

/** The side that was dialled. */
export class AcceptorProof<Key extends ProofKey> {
  readonly #own: Life;
  readonly #keys: readonly [Key, ...Key[]];
  readonly #nonce: string;
  #said: Said | 'nothing' | 'all' = 'nothing';

  /** @param keys the first is shown, and all are taken. @param nonce 32 random bytes in base64url. */
  constructor(own: Life, keys: readonly [Key, ...Key[]], nonce: string) {
    this.#own = own;
    this.#keys = keys;
    this.#nonce = nonce;
  }

  take(text: string): ProofStep<Key> {
    const said = this.#said;
    this.#said = 'all';
    if (said === 'all') return FORM;
    if (said !== 'nothing') return this.#judge(said, text);
    const asked = parsed(asking, text);
    if (asked === null) return FORM;
    const { cluster, nonce } = asked;
    const next: Said = { cluster, nonces: [nonce, this.#nonce] };
    this.#said = next;
    const proof = this.#keys[0].sign(signedText('acceptor', next, this.#own));
    return send({ type: 'proof', nonce: this.#nonce, ...this.#own, proof });
  }

  #judge(said: Said, text: string): ProofStep<Key> {
    const shown = parsed(ofDialler, text);
    if (shown === null) return FORM;
    const { origin, instance, proof } = shown;
    const signed = signedText('dialler', said, { origin, instance });
    const key = this.#keys.find((one) => one.verifies(signed, proof));
    if (key === undefined) return WRONG;
    return { kind: 'proved', text: null, key, peer: { origin, instance }, nonces: said.nonces };
  }
}

/** The side that dials. */
export class DiallerProof<Key extends ProofKey> {
  /** Its first message. */
  readonly opening: string;
  readonly #own: Life;
  readonly #cluster: string;
  readonly #keys: readonly Key[];
  readonly #nonce: string;
  #isOver = false;

  /** @param keys it answers by the one that the acceptor has shown. @param nonce 32 random bytes in base64url. */
  constructor(own: Life, cluster: string, keys: readonly Key[], nonce: string) {
    this.#own = own;
    this.#cluster = cluster;
    this.#keys = keys;
    this.#nonce = nonce;
    this.opening = JSON.stringify({ type: 'prove', nonce, cluster });
  }

  take(text: string): ProofStep<Key> {
    if (this.#isOver) return FORM;
    this.#isOver = true;
    const shown = parsed(ofAcceptor, text);
    if (shown === null) return FORM;
    const { origin, instance, proof, nonce } = shown;
    const said: Said = { cluster: this.#cluster, nonces: [this.#nonce, nonce] };
    const signed = signedText('acceptor', said, { origin, instance });
    const key = this.#keys.find((one) => one.verifies(signed, proof));
    if (key === undefined) return WRONG;
    const own = key.sign(signedText('dialler', said, this.#own));
    return {
      kind: 'proved',
      text: JSON.stringify({ type: 'proof', ...this.#own, proof: own }),
      key,
      peer: { origin, instance },
      nonces: said.nonces,
    };
  }
}

const FORM = { kind: 'failed', fault: 'form' } as const;
const WRONG = { kind: 'failed', fault: 'proof' } as const;

const send = (message: object): ProofStep<never> => ({
  kind: 'send',
  text: JSON.stringify(message),
});

/** @returns null if the text is no such message. */
function parsed<Message>(schema: z.ZodType<Message>, text: string): Message | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
