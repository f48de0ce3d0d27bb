/** Only sides that know one secret prove themselves to each other, whatever is said in between. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AcceptorProof,
  DiallerProof,
  type Life,
  type ProofStep,
} from '../../../src/gossip/protocol/proof.ts';
import { ClusterSecret } from '../../../src/net/clusterSecrets.ts';

const proofs = suite('proof of the secret');

const HERE: Life = { origin: 'node1.aaaaaa', instance: '11' };
const THERE: Life = { origin: 'node2.bbbbbb', instance: '22' };
const OURS = new ClusterSecret('ours');
const NEXT = new ClusterSecret('the next');
const WRONG = new ClusterSecret('wrong');
const nonce = (filled: number): string => Buffer.alloc(32, filled).toString('base64url');

type Step = ProofStep<ClusterSecret>;

const dialler = (keys = [OURS], cluster = 'green', of = 1): DiallerProof<ClusterSecret> =>
  new DiallerProof(HERE, cluster, keys, nonce(of));
const acceptor = (
  [first = OURS, ...others]: readonly ClusterSecret[] = [OURS],
  of = 101,
  life = THERE,
): AcceptorProof<ClusterSecret> => new AcceptorProof(life, [first, ...others], nonce(of));

function textOf(step: Step): string {
  if (step.kind === 'failed' || step.text === null)
    throw new Error(`Nothing is said: ${step.kind}`);
  return step.text;
}

interface Met {
  readonly said: readonly string[];
  readonly here: Step;
  readonly there: Step;
}

/** Carries the messages of both, each through `change`. */
function meet(
  here: DiallerProof<ClusterSecret>,
  there: AcceptorProof<ClusterSecret>,
  change: (text: string, index: number) => string = (text) => text,
): Met {
  const said = [here.opening];
  const shown = there.take(change(here.opening, 0));
  if (shown.kind !== 'send') return { said, here: shown, there: shown };
  said.push(shown.text);
  const answered = here.take(change(shown.text, 1));
  if (answered.kind !== 'proved') return { said, here: answered, there: shown };
  const last = textOf(answered);
  said.push(last);
  return { said, here: answered, there: there.take(change(last, 2)) };
}

const isProved = ({ here, there }: Met): boolean =>
  here.kind === 'proved' && there.kind === 'proved';

proofs('two sides with one secret prove themselves, and learn the life of each other', () => {
  const { here, there } = meet(dialler(), acceptor());
  assert.is(here.kind === 'proved' && here.peer.origin, THERE.origin);
  assert.equal(there.kind === 'proved' && there.peer, HERE);
  assert.equal(here.kind === 'proved' && here.nonces, there.kind === 'proved' && there.nonces);
});

proofs(
  'no message holds the secret, nor the name of the acceptor before it has proved itself',
  () => {
    const { said } = meet(dialler(), acceptor());
    for (const text of said) assert.not.ok(text.includes(OURS.token), text);
    assert.not.ok(said[0]?.includes(HERE.origin));
  },
);

proofs('a dialler with another secret says nothing after the first message', () => {
  const met = meet(dialler([WRONG]), acceptor());
  assert.equal(met.here, { kind: 'failed', fault: 'proof' });
  assert.is(met.said.length, 2);
});

proofs('an acceptor takes no proof by another secret', () => {
  const there = acceptor();
  const shown = textOf(there.take(dialler([WRONG]).opening));
  const believing = new DiallerProof(HERE, 'green', [new Believer(WRONG.token)], nonce(1));
  assert.equal(there.take(textOf(believing.take(shown))), { kind: 'failed', fault: 'proof' });
});

class Believer extends ClusterSecret {
  override verifies(): boolean {
    return true;
  }
}

proofs('while a secret is replaced, nodes meet whose first secrets are the same or known', () => {
  for (const [here, there, meets] of [
    [[OURS], [OURS, NEXT], true],
    [[OURS, NEXT], [OURS], true],
    [[OURS, NEXT], [NEXT, OURS], true],
    [[NEXT], [NEXT, OURS], true],
    [[NEXT, OURS], [NEXT], true],
    // The dialler does not know the one that is shown.
    [[OURS], [NEXT, OURS], false],
    [[OURS], [NEXT], false],
  ] as [ClusterSecret[], ClusterSecret[], boolean][]) {
    const met = meet(dialler(here), acceptor(there));
    assert.is(isProved(met), meets);
  }
});

proofs('the cluster of the dialler is under both proofs', () => {
  const blue = meet(dialler(), acceptor(), (text, index) =>
    index === 0 ? text.replace('green', 'blue') : text,
  );
  assert.equal(blue.here, { kind: 'failed', fault: 'proof' });
});

proofs('the origin and the instance of its prover are under each proof', () => {
  for (const [field, value] of [
    ['origin', 'node9.zzzzzz'],
    ['instance', '99'],
  ] as const)
    for (const turn of [1, 2]) {
      const met = meet(dialler(), acceptor(), (text, index) =>
        index === turn ? changed(text, field, value) : text,
      );
      const judged = turn === 1 ? met.here : met.there;
      assert.equal(judged, { kind: 'failed', fault: 'proof' }, `${field} ${turn}`);
    }
});

proofs('a proof that is sent back proves nothing', () => {
  const there = acceptor();
  const shown = textOf(there.take(dialler().opening));
  assert.equal(there.take(shown), { kind: 'failed', fault: 'proof' });
  const here = dialler();
  assert.is(here.take(here.opening).kind, 'failed');
});

proofs('a proof to one connection proves nothing to another, of either side', () => {
  const { said } = meet(dialler(), acceptor());
  const [opening = '', shown = '', last = ''] = said;
  const another = acceptor([OURS], 102);
  another.take(opening);
  assert.equal(another.take(last), { kind: 'failed', fault: 'proof' });
  assert.equal(dialler([OURS], 'green', 2).take(shown), { kind: 'failed', fault: 'proof' });
});

proofs('a message out of turn, a second one or none of the protocol ends it for good', () => {
  const { said } = meet(dialler(), acceptor());
  const [opening = '', shown = '', last = ''] = said;
  const FORM = { kind: 'failed', fault: 'form' };
  for (const first of ['', '[]', '{"type":"hello"}', 'null', last, shown, opening.slice(0, -1)]) {
    const there = acceptor();
    assert.equal(there.take(first), FORM, first);
    assert.equal(there.take(opening), FORM, 'nothing is taken after a fault');
  }
  const there = acceptor();
  there.take(opening);
  assert.equal(there.take(opening), FORM);
  assert.equal(there.take(last), FORM);
  const here = dialler();
  assert.equal(here.take(last), FORM);
  assert.equal(here.take(shown), FORM);
  const done = acceptor();
  const again = dialler();
  const proof = textOf(again.take(textOf(done.take(again.opening))));
  assert.is(done.take(proof).kind, 'proved');
  assert.equal(done.take(proof), FORM);
});

proofs('fields with line feeds or of another form are refused', () => {
  const { said } = meet(dialler(), acceptor());
  const [opening = '', , last = ''] = said;
  for (const [field, value] of [
    ['nonce', 'short'],
    ['nonce', `${nonce(1)}=`],
    ['cluster', 'green\nacceptor'],
    ['cluster', ''],
    ['cluster', 'x'.repeat(257)],
  ] as const)
    assert.is(acceptor().take(changed(opening, field, value)).kind, 'failed', field);
  for (const [field, value] of [
    ['origin', 'node1'],
    ['origin', 'node1.aaaaaa\n11'],
    ['instance', '11\n'],
    ['instance', ''],
    ['proof', 7],
  ] as const) {
    const there = acceptor();
    there.take(opening);
    assert.is(there.take(changed(last, field, value)).kind, 'failed', field);
  }
});

const changed = (text: string, field: string, value: unknown): string =>
  JSON.stringify({ ...JSON.parse(text), [field]: value });

/** A change of one message on its way that leaves another text. */
const change = fc.record({
  index: fc.integer({ min: 0, max: 2 }),
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  to: fc.constantFrom('A', 'b', '0', '"', '}', '\n', ''),
});

proofs(
  'no change of a message on its way lets the two sides meet as if nothing had happened',
  () => {
    const untouched = meet(dialler(), acceptor());
    fc.assert(
      fc.property(change, ({ index, at, to }) => {
        const met = meet(dialler(), acceptor(), (text, turn) => {
          if (turn !== index) return text;
          const place = Math.floor(at * text.length);
          return text.slice(0, place) + to + text.slice(place + 1);
        });
        // A letter in the place of itself, or more white space.
        if (isProved(met)) assert.equal(met.said, untouched.said);
      }),
    );
  },
);

proofs(
  'who knows no secret is believed by nobody, whatever it passes on between honest nodes',
  () => {
    const text = fc.oneof(
      fc.record({ connection: fc.nat(3), said: fc.nat(20) }),
      fc.record({ connection: fc.nat(3), said: fc.constant('made up') }),
    );
    fc.assert(
      fc.property(fc.array(text, { maxLength: 24 }), (moves) => {
        // Two honest nodes, each asked and asking; all that they say goes to the stranger.
        const diallers = [dialler([OURS], 'green', 1), dialler([OURS], 'green', 2)];
        const all = [...diallers, acceptor([OURS], 101), acceptor([OURS], 102, HERE)];
        const heard = diallers.map(({ opening }) => opening);
        for (const { connection, said } of moves) {
          const sent =
            typeof said === 'number'
              ? (heard[said % heard.length] ?? '')
              : JSON.stringify({ type: 'proof', nonce: nonce(9), ...HERE, proof: nonce(9) });
          const step = all[connection]?.take(sent);
          if (step?.kind === 'send') heard.push(step.text);
          if (step?.kind !== 'proved') continue;
          if (step.text !== null) heard.push(step.text);
          // Only a connection that it passed on as it was: both ends are honest, and the seal keeps it out.
          const [ofDialler, ofAcceptor] = step.nonces;
          assert.ok([nonce(1), nonce(2)].includes(ofDialler));
          assert.ok([nonce(101), nonce(102)].includes(ofAcceptor));
        }
      }),
      { numRuns: 300 },
    );
  },
);

proofs.run();
