/**
 * Greetings: they show the identity of the peer, whether the two may talk, and which of two connections
 * of a pair stays.
 */

import { memberUrl } from '../../words/opRules.ts';
import { SELF_REDIAL_MS } from './addressBook.ts';
import { whoGivesWay } from './admission.ts';
import { type CoreState, partyOf } from './coreState.ts';
import { objectionTo } from './hello.ts';
import type { ErrorMessage, Hello } from './messages.ts';
import { type Greeted, isGreeted, type Peer } from './peer.ts';
import type { Puller } from './puller.ts';
import type { RejoinClaims } from './rejoinClaims.ts';

const LEADS_NOWHERE =
  'every address of --nodes leads to this node itself, so it looks for nobody else: name the URL of each ' +
  'node, and give each its own by --url; one address of a balancer for all does not do';

export class Greeter {
  readonly #state: CoreState;
  readonly #claims: RejoinClaims;
  readonly #puller: Puller;
  /** Whether its last hellos told that this node waits. */
  #saidThatItWaits: boolean;

  constructor(state: CoreState, puller: Puller, claims: RejoinClaims) {
    this.#state = state;
    this.#claims = claims;
    this.#puller = puller;
    this.#saidThatItWaits = state.waits;
  }

  /** Sends hello to every peer again, because the hello of this node has changed. */
  sayHelloAgain(): void {
    const hello = this.#state.hello();
    this.#saidThatItWaits = hello.waits === true;
    for (const { connection } of this.#state.peers.all()) this.#state.send(connection, hello);
  }

  tick(): void {
    if (this.#state.waits !== this.#saidThatItWaits) this.sayHelloAgain();
  }

  errorFrom(peer: Peer, { code, reason }: ErrorMessage): void {
    if (code === 'duplicate') return; // the sender closes
    if (code === 'full') {
      this.#state.isNoLink(peer, reason);
      return;
    }
    // A copy of this node itself is settled by its hello. A report about copies counts only from a
    // member.
    if (code === 'clone' && isGreeted(peer) && this.#state.view.members.has(peer.hello.origin)) {
      this.#claims.claim(peer.hello.origin, reason, 'shared');
      if (!this.#state.hasEnded) this.#state.close(peer, reason, true);
      return;
    }
    const isMember = peer.hello?.joined ?? false;
    const facts = { event: 'refused', ...partyOf(peer), code, reason };
    this.#state.noteRefusal(code, `a peer refuses this node: ${reason}`, isMember, facts);
    this.#state.close(peer, reason, true);
  }

  helloFrom(peer: Peer, said: Hello): void {
    const { view, settings, clockMs, peers } = this.#state;
    const hello = this.#withUrl(peer, said);
    if (hello.origin === view.origin) {
      this.#helloFromSameOrigin(peer, hello);
      return;
    }
    if (peer.hello !== null && peer.hello.origin !== hello.origin) {
      const reason = `${peer.hello.origin} says hello as ${hello.origin}`;
      this.#state.misbehaves(peer.connection, 'order', reason);
      return;
    }
    // A node that has joined stays so under its origin: a later hello has overtaken this one.
    if (peer.hello?.joined && !hello.joined) return;
    const objection = objectionTo(hello, settings, clockMs);
    if (objection !== null) {
      this.#state.refuse(peer.connection, objection.code, objection.reason, hello);
      return;
    }
    if (!this.#sameCluster(peer, hello)) return;
    const age = this.#state.objectionToAge(hello);
    if (age !== null) {
      this.#state.refuse(peer.connection, 'protocol', age, hello);
      return;
    }
    const isFirst = peer.hello === null;
    const other = isFirst ? peers.ofOrigin(hello.origin) : undefined;
    peer.greets(hello);
    peers.heard(peer, this.#state.nowMs);
    if (!isGreeted(peer) || (isFirst && !this.#meets(peer, other))) return;
    if (hello.url !== null) this.#names(hello.url, peer);
    if (this.#state.standing.phase !== 'unjoined' && view.members.isRetired(hello.origin))
      this.#state.tellToRejoin(peer.connection, 'retired', `${hello.origin} was retired`);
    else this.#puller.pullIfFree(peer);
  }

  /** A URL that nobody can dial counts as null. */
  #withUrl(peer: Peer, said: Hello): Hello {
    if (said.url === null || peer.hello?.origin === this.#state.view.origin) return said;
    const url = memberUrl(said.url);
    if (url === null && peer.hello === null)
      this.#state.note(
        'warn',
        `${said.nodeId} names a URL that nobody can dial: give it --url with scheme, host and port`,
        { event: 'unusable-url', peer: said.nodeId, origin: said.origin },
      );
    // Only the first URL of a connection counts; otherwise a peer could make this node dial any number
    // of URLs.
    return { ...said, url: peer.hello?.url ?? url };
  }

  /**
   * Takes the first hello over a connection.
   *
   * @param other another connection to the same origin.
   * @returns whether this connection stays.
   */
  #meets(peer: Greeted, other: Greeted | undefined): boolean {
    const { hello, dialledUrl } = peer;
    const { addresses, clockMs, settings } = this.#state;
    if (dialledUrl !== null) addresses.greeted(dialledUrl, hello.origin, hello.nodeId);
    else if (hello.url !== null) this.#names(hello.url, peer);
    if (other !== undefined) return this.#settleDuplicate(peer, other);
    // A peer whose clock is so far behind will refuse this node, and that refusal is logged then.
    if (clockMs - hello.clock <= settings.maxClockSkewMs)
      this.#state.note(this.#state.linkLevel, `${hello.nodeId} (${hello.origin}) is connected`, {
        event: 'connected',
        ...partyOf(peer),
      });
    if (hello.nodeId === settings.nodeId)
      this.#state.warnRarely(
        `the peer at ${hello.url ?? dialledUrl ?? 'an unknown URL'} has the name of this node, ${hello.nodeId}: start each node with a --node-id of its own`,
        { event: 'same-name', ...partyOf(peer) },
      );
    return true;
  }

  /** A node may learn its URL after its first hello. */
  #names(url: string, { hello, dialledUrl }: Greeted): void {
    const { addresses } = this.#state;
    // The address is added before it rests; otherwise it is dialled at once, and one of the two
    // connections is cut.
    addresses.addMember(url, hello.origin);
    if (dialledUrl === null) addresses.servedBy(url, hello.origin);
  }

  /** Either the URL leads to this very process, or two nodes run on copies of one database. */
  #helloFromSameOrigin(peer: Peer, hello: Hello): void {
    if (hello.instance === this.#state.settings.instance) {
      if (peer.dialledUrl === null) return;
      const { addresses, nowMs, settings } = this.#state;
      const isOwn = settings.url === peer.dialledUrl;
      addresses.isSelf(peer.dialledUrl, isOwn ? Number.POSITIVE_INFINITY : nowMs + SELF_REDIAL_MS);
      this.#state.close(peer, 'the URL is this node itself');
      if (addresses.leadsNowhere && !isOwn)
        this.#state.warnRarely(LEADS_NOWHERE, { event: 'leads-nowhere' });
      if (this.#state.ownUrl !== null) return;
      this.#state.ownUrl = peer.dialledUrl;
      this.sayHelloAgain();
      return;
    }
    const reason = `two nodes run on copies of one database (origin ${hello.origin})`;
    if (this.#state.settings.instance > hello.instance)
      this.#claims.claim(hello.origin, reason, 'shared');
    if (!this.#state.hasEnded)
      this.#state.refuse(peer.connection, 'clone', `${reason}; the other one rejoins`);
  }

  #sameCluster(peer: Peer, hello: Hello): boolean {
    const { clusterId, formedAt, members } = this.#state.view;
    const { departures, addresses, nowMs } = this.#state;
    if (clusterId === null || hello.clusterId === null || clusterId === hello.clusterId)
      return true;
    const isHeard = this.#state.hears(hello.origin);
    if (members.has(hello.origin) && !isHeard && this.#state.standing.phase === 'ready') {
      // The peer was let in here and never learned of it, so it never comes back as this member. Of one that is heard
      // as a member another peer lies.
      this.#state.note(
        'info',
        `${hello.origin} has formed a cluster of its own, and is retired here`,
        { event: 'retires', peer: hello.nodeId, origin: hello.origin, reason: 'elsewhere' },
      );
      this.#state.out({ kind: 'retire', origin: hello.origin });
    }
    const dialled = peer.dialledUrl === null ? undefined : addresses.get(peer.dialledUrl);
    if (dialled !== undefined) departures.answersElsewhere(hello, dialled, nowMs);
    const ours = { clusterId, size: this.#state.clusterSize(), formedAt };
    const theirs = { clusterId: hello.clusterId, size: hello.size, formedAt: hello.formedAt };
    const text = `${hello.nodeId} is of another cluster that bears the same name (id ${hello.clusterId}, ours is ${clusterId})`;
    switch (whoGivesWay(ours, theirs)) {
      case 'we':
        this.#state.rejoin(`${text}, and this node is the only member of its own${this.#hint()}`);
        return false;
      case 'they':
        this.#state.refuse(
          peer.connection,
          'cluster',
          `${text}; it rejoins, being alone in it`,
          hello,
        );
        return false;
      case 'nobody':
        this.#state.refuse(
          peer.connection,
          'cluster',
          `${text}; both have several members: start those of one of them with empty directories`,
          hello,
        );
        return false;
    }
  }

  /** A node that knew any member would have joined it at its start. */
  #hint(): string {
    return this.#state.settings.urls.length > 0 ? '' : '; name its peers with --nodes or NODES';
  }

  /**
   * If two connections join a pair, the older stays while a snapshot goes over it and it is heard. Else the one dialled by the smaller origin
   * stays; if one side dialled both, the newer stays.
   */
  #settleDuplicate(newer: Greeted, older: Greeted): boolean {
    if (newer.hello.instance !== older.hello.instance) return this.#settleInstances(newer, older);
    const smaller = this.#dialledBySmaller(newer);
    const wouldStay = smaller || smaller === this.#dialledBySmaller(older);
    const keepNewer = wouldStay && !this.#carriesSnapshot(older);
    const loser = keepNewer ? older : newer;
    const reason = 'another connection of the pair stays';
    this.#state.send(loser.connection, { type: 'error', code: 'duplicate', reason });
    this.#state.close(loser, reason);
    return keepNewer;
  }

  #carriesSnapshot({ carriesSnapshot, lastHeardAt }: Peer): boolean {
    const { nowMs, settings } = this.#state;
    return carriesSnapshot && nowMs - lastHeardAt < settings.pullTimeoutMs;
  }

  /**
   * Two processes bear one origin: either the node was started again, or two nodes run on copies of one
   * database.
   */
  #settleInstances(newer: Greeted, older: Greeted): boolean {
    const { origin, instance } = newer.hello;
    if (!this.#state.peers.bothLive(origin, instance, older.hello.instance)) {
      this.#state.close(older, 'its node was started again');
      return true;
    }
    const [stays, goes] = instance < older.hello.instance ? [newer, older] : [older, newer];
    const reason = `two nodes run on copies of one database (origin ${origin})`;
    this.#state.refuse(goes.connection, 'clone', `${reason}; this one rejoins`);
    return stays === newer;
  }

  #dialledBySmaller({ dialledUrl, hello }: Greeted): boolean {
    return (dialledUrl !== null) === this.#state.view.origin < hello.origin;
  }
}
