/** A hostile peer that holds the token: it is let in, and then does whatever a peer can to harm a node. */
import { encodeMessage } from '../../src/gossip/protocol/messages.ts';
import { formatHash, ZERO } from '../../src/words/hash.ts';
import { seeded } from '../../src/words/random.ts';
import { messageTexts } from '../support/brokenTexts.ts';
import { HandWrittenPeer } from '../support/handWrittenPeer.ts';
import type { NodeProcess } from '../support/nodes.ts';

const EVIL = 'evil.aaaaaa';
const ZERO_TEXT = formatHash(ZERO);
const FAR = 2 ** 52;
const BROKEN_TEXTS = 40;

const digestOf = (vector: Readonly<Record<string, number>>, horizon = 0): string =>
  JSON.stringify({
    type: 'digest',
    clock: Date.now(),
    asOf: Math.ceil(Date.now() / 60_000) + 2,
    horizon,
    vector,
    sums: ZERO_TEXT.repeat(1 + Object.keys(vector).length),
    re: 1,
  });

const times = (count: number, text: string): string[] => new Array<string>(count).fill(text);

/** The texts of each attack on the node of that origin; those that cost nothing come first. */
export function attacksOn(victim: string, seed: number): readonly (readonly string[])[] {
  const random = seeded(seed);
  const next = messageTexts(random, seed);
  const rejoins = (['retired', 'stranger', 'behind'] as const).map((code) =>
    encodeMessage({
      type: 'rejoin',
      code,
      reason: 'so says evil',
      smallestMember: null,
      reach: new Map([['x.y', 9]]),
    }),
  );
  return [
    [digestOf({}), digestOf({}, FAR), ...rejoins],
    [digestOf({ [victim]: FAR })],
    [digestOf({}), encodeMessage({ type: 'error', code: 'clone', reason: 'so says evil' })],
    times(200, '{"type":"compare","asOf":1,"buckets":65536,"bucket":null}'),
    times(500, digestOf({})),
    [`{"type":"delta","ranges":[${'0,'.repeat(1_000_000)}0],"ops":[]}`],
    times(200, '{"type":"next","part":0}'),
    ['['.repeat(4_000_000)],
    Array.from({ length: BROKEN_TEXTS }, next),
    [encodeMessage({ type: 'confirmed', seq: Number.MAX_SAFE_INTEGER })],
  ];
}

/** Attacks the node once in every way, each over a connection of its own. */
export async function attack(node: NodeProcess, seed: number): Promise<void> {
  const { origin } = await node.view();
  for (const texts of attacksOn(origin, seed)) {
    await using peer = await HandWrittenPeer.connect(node);
    await peer.greet({ nodeId: 'evil', origin: EVIL, joined: true, admittedBy: origin });
    for (const text of texts) peer.sayText(text);
    // It has read them all once it answers this, or has closed.
    peer.sayText('{"type":"nothing"}');
    await peer.closed();
  }
  await claimStranger(node, origin);
}

/** Answers the node's own question with the claim that it is no member. */
async function claimStranger(node: NodeProcess, admittedBy: string): Promise<void> {
  await using peer = await HandWrittenPeer.connect(node);
  await peer.greet({ nodeId: 'evil', origin: EVIL, joined: true, admittedBy });
  const asked = peer.receive('digest').then(({ re }) => re);
  const re = await Promise.race([asked.catch(() => undefined), peer.closed()]);
  if (typeof re !== 'number') return;
  const claim = { type: 'rejoin', code: 'stranger', reason: 'so says evil', re } as const;
  peer.sayText(encodeMessage({ ...claim, smallestMember: null, reach: new Map([['x.y', 9]]) }));
  peer.sayText('{"type":"nothing"}');
  await peer.closed();
}
