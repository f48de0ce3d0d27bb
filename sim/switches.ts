/**
 * Switches rules off, to show that the simulator would notice. A switch names one text of the source,
 * and the text that replaces it.
 *
 * The source itself knows nothing of it. A hook (module.registerHooks) hands a changed copy of the one
 * file to a second graph of modules, whose URLs carry the name of the switch; the first graph stays as
 * it is. Constructor parameters or subclasses would not do: the rules are in functions that others
 * import, and a parameter that only a test sets would be a way to run a node without its rules. A
 * switch whose text is not found, or found twice, fails by name, so that no switch goes dead unseen.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

interface Edit {
  readonly file: string;
  readonly text: string;
  readonly without: string;
}

interface Switch extends Edit {
  /** Where the rule stands in other places, or another one hides its lack. */
  readonly also?: readonly Edit[];
}

const SWITCHES: Readonly<Record<string, Switch>> = {
  /** Rule 1: of two ops that are alike in all else, each node keeps the one that came first. */
  'tie-break': {
    file: 'src/words/op.ts',
    text: 'return a.origin < b.origin ? -1 : 1;',
    without: 'return 0;',
  },
  /** Rule 1: a touch also finds what is dead. */
  'touches of what lives': {
    file: 'src/rules/clientRequests.ts',
    text: "if (entry?.kind !== 'put' || isDead(entry, draft.nowMs)) return undefined;",
    without: "if (entry?.kind !== 'put') return undefined;",
  },
  /** Rule 5: a request that is decided during a commit does not see it. */
  'decided after the commit under way': {
    file: 'src/rules/draft.ts',
    text: 'head: (key) => this.#entries.get(key) ?? basis.head(key),',
    without: 'head: (key) => basis.head(key),',
  },
  /** Rule 2: a collected key is written again in a generation that older ops of it may have. */
  horizon: {
    file: 'src/replica/forgetting.ts',
    text: 'for (const { generation } of dead) horizon = horizonAbove(horizon, generation);',
    without: '',
  },
  /** Rule 9: dead entries are collected even if a member still lacks their ops. */
  stability: {
    file: 'src/rules/stability.ts',
    text: '&& covers(vector, entry)',
    without: '',
  },
  /** Rule 9: a log that counts no other member is taken for that of a cluster of one. */
  'members that a log lacks': {
    file: 'src/gossip/protocol/memberKeeper.ts',
    text: 'if (this.#mayLackMembers()) return;',
    without: '',
    // Between two nodes this mends the harm.
    also: [
      {
        file: 'src/gossip/protocol/rejoinClaims.ts',
        text: 'isOfOneAlone && this.#lacksWhatIsGoneHere(by)',
        without: "isOfOneAlone && by === ''",
      },
    ],
  },
  /** Rule 12: of two strangers any gives way, also the one that has compacted what the other lacks. */
  'strangers that lack what is gone': {
    file: 'src/gossip/protocol/rejoinClaims.ts',
    text: 'isOfOneAlone && this.#lacksWhatIsGoneHere(by)',
    without: "isOfOneAlone && by === ''",
  },
  /** Rule 12: nobody follows the one that alone holds more, if its `join` never came. */
  'one that a member let in': {
    file: 'src/gossip/protocol/rejoinClaims.ts',
    text: 'mayBeAlone && this.#wasLetIn(by)',
    without: "mayBeAlone && by === ''",
  },
  /** Rule 12: a node that hears no member stays apart from those that it has retired. */
  'alone among those that it retired': {
    file: 'src/gossip/protocol/answerer.ts',
    text: 'if (hello.joined && lacksRetire) this.#claims.lacksItsRetire(hello.origin);',
    without: '',
  },
  /** Rule 9: a member's vector counts although what it holds is still under way to us. */
  'settled vectors': {
    file: 'src/rules/stability.ts',
    text: 'if (!includes(own, heard.vector)) continue;',
    without: '',
  },
  /** Rule 9: a certificate counts although what its members held is still under way to us. */
  'settled certificates': {
    file: 'src/rules/stability.ts',
    text: 'includes(own, this.#certificate.report.max)',
    without: 'own.size > 0',
  },
  /** Rule 9: a certificate speaks for members that did not report. */
  'certificates name members': {
    file: 'src/gossip/protocol/rounds.ts',
    text: 'for (const origin of report.members) {',
    without: 'for (const { origin } of view.members.all()) {',
  },
  /** Rule 9: a certificate tells what one of its members held, and not what all did. */
  'certificates of the least': {
    file: 'src/rules/certificate.ts',
    text: 'if (other !== undefined) min.set(origin, Math.min(seq, other));',
    without: 'min.set(origin, Math.max(seq, other ?? 0));',
  },
  /** Rule 9: a report counts as it was put together from differences, whatever certificate they are from. */
  'certificates by their hash': {
    file: 'src/rules/reportChanges.ts',
    text: 'sameHash(result.hash, changes.hash) ? result : null',
    without: 'sameHash(result.hash, result.hash) ? result : null',
    also: [
      {
        file: 'src/gossip/protocol/certificates.ts',
        text: '[...this.#held.values()].find((held) => sameHash(held.hash, hash))',
        without: 'sameHash(hash, hash) ? this.last : undefined',
      },
    ],
  },
  /** Rule 11: a digest counts as it was put together from differences, whatever digest they are from. */
  'digests by their hash': {
    file: 'src/gossip/protocol/digestChanges.ts',
    text: 'sameHash(vectorHash(digest), changes.hash) ? digest : null',
    without: 'sameHash(changes.hash, changes.hash) ? digest : null',
    also: [
      {
        file: 'src/gossip/protocol/digestChanges.ts',
        text: 'digests.find((digest) => sameHash(vectorHash(digest), base))',
        without: 'sameHash(base, base) ? digests[0] : undefined',
      },
    ],
  },
  /** Acks: by a certificate a member holds what one of its members held. */
  'acks of the least': {
    file: 'src/gossip/protocol/rounds.ts',
    text: 'seqOf(report.min, view.origin)',
    without: 'seqOf(report.max, view.origin)',
  },
  /** Rule 9: nobody begins a round. */
  rounds: {
    file: 'src/gossip/protocol/mesh.ts',
    text: 'this.#rounds.tick();',
    without: '',
  },
  /** Rule 8: beyond a full mesh links are at random alone. */
  'a link to the successor': {
    file: 'src/rules/links.ts',
    text: 'towards.push(other);',
    without: '',
  },
  /** Rule 9: dead is what is dead by this node's clock. */
  'every clock': {
    file: 'src/rules/stability.ts',
    text: 'clock = Math.min(clock, heard.clock);',
    without: '',
  },
  /** Rules 6 and 9: the stable clock stays where all clocks once stood. */
  'clocks that go back': {
    file: 'src/rules/stability.ts',
    text: 'return { ...next, reached };',
    without: 'return { ...next, clock: Math.max(before.clock, next.clock), reached: [] };',
  },
  /** Rule 8: a member that this node does not hear itself is silent, also where others hear it. */
  'heard through others': {
    file: 'src/gossip/protocol/memberKeeper.ts',
    text: 'Math.max(lastHeardAt(origin), this.#state.peers.lastHeardThrough(origin))',
    without: 'lastHeardAt(origin)',
  },
  /** Watch: a watcher whose socket takes more is left waiting. */
  'no wait while there is room': {
    file: 'src/watch/hub/reader.ts',
    text: 'while (this.#mayGoOn(watcher)) {',
    without: 'for (let isFirst = true; isFirst && this.#mayGoOn(watcher); isFirst = false) {',
  },
  /** Rule 9: what is stable moves on while a member may still take ops from one that is sealed. */
  'retire coverage': {
    file: 'src/rules/stability.ts',
    text: 'if (!settled.every((one) => retires.every((retire) => covers(one, retire)))) return undefined;',
    without: '',
  },
  /** Rule 8: a node with a history of another cluster is let in with it. */
  'joins of empty logs only': {
    file: 'src/gossip/protocol/greeter.ts',
    text: 'if (!this.#sameCluster(peer, hello)) return;',
    without: '',
    also: [
      {
        file: 'src/gossip/protocol/admission.ts',
        text: 'members.has(peer.origin) ||\n  peer.empty ||',
        without: 'true ||',
      },
    ],
  },
  /** Rule 8: a peer becomes a member although nobody has the ops that it lacks. */
  'no members below the reach': {
    file: 'src/gossip/protocol/answerer.ts',
    text: 'if (!empty && !this.#isAboveReach(peer, digest)) {',
    without: 'if (empty && !empty) {',
  },
  /** Rule 8: a member that starts writes at once. */
  'catching up before writing': {
    file: 'src/gossip/protocol/standing.ts',
    text: 'const hasTime = this.#hasTime(nowMs);',
    without: 'const hasTime = false;\n    if (others.length >= 0) return true;',
  },
  /** Rule 8: a member counts when clusters meet although its node has gone to the other one. */
  'members that have gone': {
    file: 'src/gossip/protocol/departures.ts',
    text: 'return this.#answers.lasts(placeOf(member), nowMs, lastHeardAt);',
    without: 'return this.#answers.lasts(placeOf(member), nowMs, lastHeardAt) && nowMs < 0;',
  },
  /** Rule 7: a delta goes on from what is held, whatever that is. */
  'fork check': {
    file: 'src/rules/delta.ts',
    text: 'return sameHash(sum, range.sum);',
    without: 'return true;',
  },
  /** Rule 5: with durability=normal a power cut takes back the `join`s of other members. */
  'members outlive power cuts': {
    file: 'src/log/log.ts',
    text: 'rows.some(({ op }) => !isOnKey(op))',
    without: 'rows.length < 0',
  },
  /** Rule 12: what was set aside is dropped. */
  'offers after a rejoin': {
    file: 'src/gossip/driver/offers.ts',
    text: 'return await offerAgain({ ...to, aside, old });',
    without: 'return true;',
  },
  /** Rule 10: after a retirement compaction goes on as before. */
  'rows kept after a retirement': {
    file: 'src/rules/compaction.ts',
    text: 'const isHeld = retiredAtMs !== null && nowMs < retiredAtMs + holdMs;',
    without: 'const isHeld = holdMs < 0;',
  },
  /** Rule 12: a log that is given up has nothing to say of what its side had collected. */
  'offers of what was collected': {
    file: 'src/replica/offer.ts',
    text: 'return [...lost, ...collected];',
    without: 'return lost;',
  },
  /** Rules 5 and 12: a log is removed while its offers are in memory only. */
  'offers outlive power cuts': {
    file: 'src/gossip/driver/offers.ts',
    text: 'if (name !== null) await replica.offering.settle(name, life);',
    without: '',
    // A log that is kept after that, and that no other has settled, would be offered once more.
    also: [
      {
        file: 'src/gossip/driver/offers.ts',
        text: 'if (clusterId === replica.header.clusterId) this.#kept.add(aside, name);',
        without: "if (name === '') this.#kept.add(aside, name);",
      },
    ],
  },
  /** Rule 12: what the cluster has deleted since is offered again as well. */
  'no offers of what was deleted': {
    file: 'src/replica/offer.ts',
    text: 'const isDeleted = judgement.deletedAt(entry.key) > entry.hlc;',
    without: 'const isDeleted = false;',
  },
  /** Rule 12: a node that rejoined forms a cluster at once, and offers its old ops to itself. */
  'no cluster after a rejoin': {
    file: 'src/gossip/protocol/standing.ts',
    text: 'if (this.#isTimeOver(nowMs)) return !this.#wasWithOthers || this.#hasHadPeers(nowMs);',
    without: 'return true;',
    also: [
      {
        file: 'src/gossip/protocol/standing.ts',
        text: "return this.#past.kind === 'none' && addresses.allAnswered();",
        without: 'return addresses.allAnswered();',
      },
      // A wait that counts from the first dial hides the lack nearly always (ADR 36).
      { file: 'src/gossip/protocol/core.ts', text: 'standing.ticks(nowMs);', without: '' },
    ],
  },
  /** Rule 12: nodes that begin anew form a cluster while a member of theirs is left, and lose deletes that they had answered. */
  'no cluster beside a member': {
    file: 'src/gossip/protocol/standing.ts',
    text: 'if (this.mayBeLeft(peers).length > 0) return false;',
    without: '',
    // Another one that waits as well would keep it from that.
    also: [
      {
        file: 'src/gossip/protocol/standing.ts',
        text: 'if (peers.some(({ hello }) => hello.waits === true)) return false;',
        without: '',
      },
    ],
  },
  /** Rule 12: a node that gives way to another side is let in by one of its own that has not given way yet. */
  'who gives way leaves its side': {
    file: 'src/gossip/protocol/rejoinClaims.ts',
    text: 'if (isOfCopyAlone && !leavesSide) return [];',
    without: 'if (!leavesSide) return [];',
  },
  /** Rule 13: a side that never held the `retire` of an origin takes its closing, while that origin writes on there. */
  'closings with their retire': {
    file: 'src/rules/members.ts',
    text: 'const counted = closings.filter(({ by }) => by === null || this.#retireIds.has(by));',
    without: 'const counted = closings;',
  },
  /** Rule 10: of two connections of a pair the one goes that carries a snapshot, and each costs a join. */
  'connections with a snapshot stay': {
    file: 'src/gossip/protocol/greeter.ts',
    text: 'const keepNewer = wouldStay && !this.#carriesSnapshot(older);',
    without: 'const keepNewer = wouldStay;',
    // On another course of the same seed each join comes in time.
    also: [
      {
        file: 'src/gossip/driver/offers.ts',
        text: 'if (clusterId === replica.header.clusterId) this.#kept.add(aside, name);',
        without: "if (name === '') this.#kept.add(aside, name);",
      },
    ],
  },
  /** Rules 5 and 12: `verify` can't tell ops that were offered or given back from rows that were swapped. */
  'older stamps are written down': {
    file: 'src/rules/draft.ts',
    text: 'this.changeFacts({ offered: { origin, from, to: seq } });',
    without: '',
    also: [
      {
        file: 'src/log/tools/rowChecks.ts',
        text: ' || !isGivenBy(hlc, committedAt)',
        without: '',
      },
    ],
  },
  /** Rule 13: a retired origin is closed while a member may still lack ops of it, or take more. */
  'closing what all hold': {
    file: 'src/gossip/protocol/memberKeeper.ts',
    text: 'const by = this.#retireHeldByAll(retired, seq);',
    without: 'const by = members.retireOf(retired);',
  },
  /** Rule 11: a `retire` in a forked origin reaches only those that hold its history. */
  'forks are told again': {
    file: 'src/gossip/protocol/memberKeeper.ts',
    text: 'this.#sayAgain();',
    without: '',
  },
  /** Rule 13: a cursor is taken to cover all that is closed by now. */
  'cursors name what was closed': {
    file: 'src/watch/hub/hub.ts',
    text: 'new FollowedVector(listed, closings, count)',
    without: 'new FollowedVector(listed, closings, closings.count)',
  },
  /** Rule 12: a log that was set aside goes once its ops are offered, and the next rejoin offers nothing of it. */
  'logs that are kept': {
    file: 'src/gossip/driver/offers.ts',
    text: 'if (clusterId === replica.header.clusterId) this.#kept.add(aside, name);',
    without: "if (name === '') this.#kept.add(aside, name);",
  },
  /** Rule 12: clients write before what was set aside is offered. */
  'offers before writes': {
    file: 'src/gossip/driver/clientGate.ts',
    text: 'readiness.refuseWrites(OFFERING);',
    without: 'readiness.allowWrites();',
  },
  /** Rule 6: a replay folds every row. */
  'won bit': {
    file: 'src/replica/replay.ts',
    text: 'if (row.won && isOnKey(row.op)) foldWinner(',
    without: 'if (isOnKey(row.op)) foldWinner(',
  },
  /** Rule 10: compaction takes rows that a member still lacks. */
  'compaction stops at stable': {
    file: 'src/rules/compaction.ts',
    text: ' && covers(stable, row)',
    without: '',
  },
  /** Watch: a row whose key has no entry any more is passed over. */
  'collected keys are told': {
    file: 'src/watch/position.ts',
    text: "if (op.kind === 'delete') return 'delete';",
    without: "if (entry === undefined) return null;\n  if (op.kind === 'delete') return 'delete';",
  },
  /** Watch: only what the map still holds is told as expired to who was away. */
  'collected expiries are told': {
    file: 'src/watch/position.ts',
    text: 'return now === undefined || sameOp(now, expiry)',
    without: 'return now !== undefined && sameOp(now, expiry)',
  },
  /** Watch: an op that comes after its time is told as a put. */
  'late ops are told as expired': {
    file: 'src/watch/position.ts',
    text: "if (expiredBy(told, op)) return 'expire';",
    without: '',
  },
  /** Watch: a cursor covers a put that was passed over for a delete, and the power cut takes the delete back. */
  'cursors rely on what beats': {
    file: 'src/watch/reliance.ts',
    text: "if (log.durability === 'full') return null;",
    without: 'if (log !== null) return null;',
  },
  /** Watch: a row is told although a later one has won. */
  'what is beaten is passed over': {
    file: 'src/watch/position.ts',
    text: 'if (entry !== undefined && compareOps(entry, op) > 0) return null;',
    without: '',
  },
  /** Watch: an entry that was told as expired is touched by a node whose clock is behind. */
  'touches of what was not told as expired': {
    file: 'src/watch/hub/feed.ts',
    text: 'known !== null && !expiredBy(this.#told, known)',
    without: 'known !== null',
  },
  /** Watch: a put and its touch come in one commit, and the put is passed over. */
  'touches of what was passed over': {
    file: 'src/watch/hub/feed.ts',
    text: 'if (type === null) passedOver.set(op.key, known);',
    without: 'if (type === null) continue;',
  },
  /** Watch: what expired too long ago is taken as told. */
  'unknown expiries reset': {
    file: 'src/watch/hub/feed.ts',
    text: 'told.untilMs >= this.#unknownUntilMs &&',
    without: '',
  },
  /** Rule 6: any checkpoint is taken for that of the log beside it. */
  'checkpoints are of their logs': {
    file: 'src/replica/opening.ts',
    text: 'const why = whyNotBelieved(facts, log);',
    without: 'const why = null;',
    also: [
      {
        file: 'src/replica/replay.ts',
        text: 'check.end(lsn, log.lastLsn);',
        without: 'if (from === null) check.end(lsn, log.lastLsn);',
      },
    ],
  },
  /** Rule 6: a checkpoint holds later changes of entries as well, in part. */
  'checkpoints of one moment': {
    file: 'src/store/captures.ts',
    text: 'return this.#underWay !== 0 && since !== this.#underWay;',
    without: 'return false;',
  },
  /** Rule 6: the entries that the log had collected since the checkpoint come back. */
  'checkpoints forget as well': {
    file: 'src/replica/replay.ts',
    text: 'if (!mayCollect(entry, stable)) continue;',
    without: 'if (before > 0 || !mayCollect(entry, stable)) continue;',
  },
  /** Not a rule: an op in fifty is dropped after its commit. */
  folding: {
    file: 'src/store/pagedEntries.ts',
    text: 'fold(op: KeyOp, lsn: number): boolean {',
    without: 'fold(op: KeyOp, lsn: number): boolean {\n    if (op.seq % 50 === 7) return false;',
  },
};

export const switchNames: readonly string[] = Object.keys(SWITCHES);

/** @throws Error that names a switch whose text the sources do not hold, or hold twice. */
export function checkSwitches(): void {
  for (const [name, rule] of Object.entries(SWITCHES))
    for (const edit of [rule, ...(rule.also ?? [])])
      switchOff(name, edit, readFileSync(new URL(ROOT + edit.file), 'utf8'));
}

const ROOT = new URL('../', import.meta.url).href;
let areHooksSet = false;

/** The simulator over the sources as they are, or without one rule. @throws RangeError */
export async function simulatorWithout(name: string | null): Promise<typeof import('./world.ts')> {
  if (name === null) return import('./world.ts');
  if (SWITCHES[name] === undefined) throw new RangeError(`There is no switch "${name}".`);
  if (!areHooksSet) setHooks();
  areHooksSet = true;
  const url = new URL(`./world.ts?without=${encodeURIComponent(name)}`, import.meta.url).href;
  return (await import(url)) as typeof import('./world.ts');
}

function setHooks(): void {
  registerHooks({
    // The imports of a changed file, and the files that import it, belong to the same graph.
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context);
      const { search } = new URL(context.parentURL ?? ROOT);
      const isOwn = resolved.url.startsWith(ROOT) && !resolved.url.includes('/node_modules/');
      if (!search.startsWith('?without=') || !isOwn) return resolved;
      return { ...resolved, url: new URL(search, resolved.url).href };
    },
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const { search } = new URL(url);
      const name = decodeURIComponent(search.slice('?without='.length));
      const rule = search.startsWith('?without=') ? SWITCHES[name] : undefined;
      let source = String(loaded.source);
      const edits = [rule, ...(rule?.also ?? [])].filter(
        (one) => one !== undefined && url.startsWith(ROOT + one.file),
      );
      for (const edit of edits) if (edit) source = switchOff(name, edit, source);
      return edits.length === 0 ? loaded : { ...loaded, source };
    },
  });
}

function switchOff(name: string, { file, text, without }: Edit, source: string): string {
  const parts = source.split(text);
  if (parts.length !== 2)
    throw new Error(
      `The switch "${name}" must find its text in ${file} once, and finds it ${parts.length - 1} times: bring sim/switches.ts up to date.`,
    );
  return parts.join(without);
}
