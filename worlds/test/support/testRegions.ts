/** Two regions in the process of the test: real nodes, the link between them, worlds and players. */
import { join } from 'node:path';
import { patience } from '../../../scripts/patience.ts';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { freePorts } from '../../../test/support/ports.ts';
import { temporaryDirectory, waitFor } from '../../../test/support/processes.ts';
import { makeRoleKeys, openSigner } from '../../access/serviceTokens.ts';
import type { SeatAnswer, SeatRequest } from '../../api/joins.ts';
import { seatAsker } from '../../api/seatAsker.ts';
import { WorldsView } from '../../api/worldsView.ts';
import { ANY_PORT } from '../../http/portRange.ts';
import { regionFetch } from '../../http/regionFetch.ts';
import { Link } from '../../link/link.ts';
import { Seen } from '../../process/seen.ts';
import { ROLES } from '../../rules/grants.ts';
import { type Cache, openCache } from '../../tables/cache.ts';
import { Configurations } from '../../tables/operatorTables.ts';
import { PlayerRecords } from '../../tables/playerRecords.ts';
import { startWorld, type WorldProcess } from '../../world/worldProcess.ts';
import { meadow } from './configurations.ts';
import { TestPlayer } from './testPlayer.ts';

const HOST = '127.0.0.1';
const NODES = 2;
export const DELAY_MS = 40;

export class TestRegion implements AsyncDisposable {
  readonly name: string;
  readonly nodes: RunningNode[] = [];
  readonly cache: Cache;
  readonly records: PlayerRecords;
  readonly view: WorldsView;
  world: WorldProcess | null = null;
  ask: (request: SeatRequest, to: TestRegion) => Promise<SeatAnswer> = () =>
    Promise.reject(new Error('The region has not started.'));
  readonly #settings: readonly Parameters<typeof startNode>[0][];

  constructor(name: string, settings: readonly Parameters<typeof startNode>[0][], urls: string[]) {
    this.name = name;
    this.#settings = settings;
    this.cache = openCache({
      endpoints: urls,
      token: null,
      timeoutMs: Math.ceil(2000 * patience()),
    });
    this.records = new PlayerRecords(this.cache);
    this.view = new WorldsView(this.cache);
  }

  async startNodes(): Promise<void> {
    this.nodes.push(...(await Promise.all(this.#settings.map((one) => startNode(one)))));
  }

  async ready(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.ready));
  }

  async stopNodes(): Promise<void> {
    const nodes = this.nodes.splice(0);
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.world?.end('test', 0);
    await this.world?.ended;
    await this.view[Symbol.asyncDispose]();
    await this.cache[Symbol.asyncDispose]();
    await this.stopNodes();
  }
}

export class TestRegions implements AsyncDisposable {
  readonly link: Link;
  readonly eu: TestRegion;
  readonly us: TestRegion;
  readonly #ends: AsyncDisposableStack;
  #fence = 0;

  private constructor(link: Link, [eu, us]: [TestRegion, TestRegion], ends: AsyncDisposableStack) {
    this.link = link;
    this.eu = eu;
    this.us = us;
    this.#ends = ends;
  }

  static async start(): Promise<TestRegions> {
    await using starting = new AsyncDisposableStack();
    const { path } = starting.use(await temporaryDirectory());
    const keys = path;
    await makeRoleKeys(keys, ROLES);
    const link = starting.use(
      new Link({ delayMs: DELAY_MS, maxHeldBytes: 2 ** 20, maxConnections: 200 }),
    );
    const firstPort = await freePorts(2 * NODES);
    const ports = [0, NODES].map((from) => [firstPort + from, firstPort + from + 1]);
    const passages = await Promise.all(
      ports.map((own) =>
        Promise.all(own.map((port) => link.openPassage(HOST, 0, { host: HOST, port }))),
      ),
    );
    const urlOf = (port: number): string => `http://${HOST}:${port}`;
    const regions = ports.map((own, number) => {
      const name = number === 0 ? 'eu' : 'us';
      const far = passages[1 - number] ?? [];
      const settings = own.map((port, index) => ({
        nodeId: `${name}-node${index + 1}`,
        port,
        cluster: 'worlds',
        nodes: [...own.filter((other) => other !== port), ...far].map(urlOf),
        dataDir: join(path, `${name}${index}`),
        internalToken: 'for-tests-of-worlds',
      }));
      return starting.use(new TestRegion(name, settings, own.map(urlOf)));
    });
    const [eu, us] = regions;
    if (eu === undefined || us === undefined) throw new Error('There are two regions.');
    await Promise.all(regions.map((region) => region.startNodes()));
    await Promise.all(regions.map((region) => region.ready()));
    const signer = await openSigner(keys, 'api');
    for (const region of regions) {
      await new Configurations(region.cache).create(region.name, 'meadow', meadow(), Date.now());
      const crossing = await link.openCrossing(HOST, 0, HOST);
      const linkUrl = urlOf(crossing);
      region.world = await startWorld({
        region: region.name,
        world: 'meadow',
        slot: 1,
        epoch: 1,
        configurationVersion: 0,
        nodes: region.nodes.map(({ url }) => url),
        token: null,
        keys,
        fleetUrl: null,
        linkUrl,
        host: HOST,
        playHost: HOST,
        publicHost: HOST,
        tls: null,
        playPorts: ANY_PORT,
        controlPort: 0,
        seen: new Seen('world', 'silent'),
      });
      const asker = seatAsker(signer, regionFetch(region.name, linkUrl));
      region.ask = (request, to) => {
        const [candidate] = region.view.candidates(to.name, 'meadow');
        if (candidate === undefined)
          throw new Error(`${region.name} lists no world of ${to.name}.`);
        return asker(candidate, request);
      };
    }
    for (const { view } of regions)
      await waitFor(
        () => ['eu', 'us'].every((name) => view.candidates(name, 'meadow').length === 1),
        20_000,
        'both regions list both worlds',
      );
    return new TestRegions(link, [eu, us], starting.move());
  }

  get all(): readonly [TestRegion, TestRegion] {
    return [this.eu, this.us];
  }

  /** Joins by the api of a region, as a client does: the api tells where the player sits now. */
  async play(player: string, by: TestRegion, to: TestRegion): Promise<TestPlayer> {
    this.#fence += 1024;
    const seat = by.view.seatOf(player);
    const previous =
      seat === null
        ? null
        : { region: seat.region, instance: seat.instance, controlUrl: seat.controlUrl };
    const request = { player, session: `s-${player}`, fence: this.#fence, previous };
    const answer = await by.ask(request, to);
    if (answer.type === 'refused') throw new Error(`The seat was refused: ${answer.reason}.`);
    return new TestPlayer(answer.grant.playUrl, answer.grant.seatToken).settled();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ends.disposeAsync();
  }
}
