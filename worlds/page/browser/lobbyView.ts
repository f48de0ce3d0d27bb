/** The list of worlds on the page: by region, the nearest first. Elements stay, so that focus does. */
import type { ListedWorld } from '../../rules/listing.ts';
import type { WorldName } from './answers.ts';
import { made, setText } from './elements.ts';
import { idOf, type LobbyState } from './lobbyFeed.ts';

export interface LobbyViewOptions {
  readonly list: HTMLElement;
  readonly onJoin: (world: WorldName) => void;
}

export interface LobbyFacts extends LobbyState {
  readonly latencies: ReadonlyMap<string, number>;
  /** Where the player is. */
  readonly seat: WorldName | null;
}

interface RegionView {
  readonly section: HTMLElement;
  readonly latency: HTMLElement;
  readonly worlds: HTMLElement;
}

interface WorldView {
  readonly item: HTMLElement;
  readonly name: HTMLElement;
  readonly map: HTMLElement;
  readonly count: HTMLElement;
  readonly meter: HTMLMeterElement;
  readonly states: HTMLElement;
  readonly button: HTMLButtonElement;
}

export class LobbyView {
  readonly #options: LobbyViewOptions;
  readonly #regions = new Map<string, RegionView>();
  readonly #worlds = new Map<string, WorldView>();

  constructor(options: LobbyViewOptions) {
    this.#options = options;
  }

  show({ worlds, latencies, seat }: LobbyFacts): void {
    const regions = regionsByLatency(worlds, latencies);
    const ids = new Set(worlds.map(idOf));
    for (const [id, view] of this.#worlds)
      if (!ids.has(id)) {
        view.item.remove();
        this.#worlds.delete(id);
      }
    for (const [region, view] of this.#regions)
      if (!regions.includes(region)) {
        view.section.remove();
        this.#regions.delete(region);
      }
    regions.forEach((region, at) => {
      const view = this.#region(region);
      const ms = latencies.get(region);
      setText(view.latency, ms === undefined ? '' : `${Math.max(1, Math.round(ms))} ms`);
      place(this.#options.list, view.section, at);
      const own = worlds.filter((world) => world.region === region);
      own.sort((a, b) => (a.name < b.name ? -1 : 1));
      own.forEach((world, index) => {
        const worldView = this.#world(world);
        fill(worldView, world, seat !== null && idOf(seat) === idOf(world));
        place(view.worlds, worldView.item, index);
      });
    });
  }

  #region(region: string): RegionView {
    const present = this.#regions.get(region);
    if (present !== undefined) return present;
    const section = made('section', 'region');
    const heading = made('h3', 'region-name');
    const latency = made('span', 'latency');
    heading.append(made('span', '', `Region ${region}`), latency);
    const worlds = made('ul', 'worlds');
    section.append(heading, worlds);
    const view = { section, latency, worlds };
    this.#regions.set(region, view);
    return view;
  }

  #world({ region, world, name }: ListedWorld): WorldView {
    const id = idOf({ region, world });
    const present = this.#worlds.get(id);
    if (present !== undefined) return present;
    const item = made('li', 'world');
    const text = made('div', 'world-text');
    const title = made('h4', 'world-name', name);
    title.id = `world-${region}-${world}`;
    const map = made('span', 'map');
    const count = made('p', 'count');
    const states = made('p', 'states');
    const meter = document.createElement('meter');
    meter.setAttribute('aria-label', `Seats taken in ${name}`);
    const button = made('button', 'join', 'Join');
    button.type = 'button';
    button.setAttribute('aria-describedby', title.id);
    button.addEventListener('click', () => this.#options.onJoin({ region, world }));
    const head = made('div', 'world-head');
    head.append(title, map);
    text.append(head, count, meter, states);
    item.append(text, button);
    const view = { item, name: title, map, count, meter, states, button };
    this.#worlds.set(id, view);
    return view;
  }
}

/** Regions that were not measured come last. */
export function regionsByLatency(
  worlds: readonly WorldName[],
  latencies: ReadonlyMap<string, number>,
): string[] {
  const far = Number.MAX_SAFE_INTEGER;
  const regions = [...new Set(worlds.map(({ region }) => region))].sort();
  return regions.sort((a, b) => (latencies.get(a) ?? far) - (latencies.get(b) ?? far));
}

function fill(view: WorldView, world: ListedWorld, isHere: boolean): void {
  const { name, map, max, instances } = world;
  const seats = instances.length * max;
  const free = instances.reduce((sum, instance) => sum + instance.free, 0);
  const players = Math.max(0, seats - free);
  setText(view.name, name);
  setText(view.map, map);
  view.item.dataset.map = map;
  setText(view.count, seats === 0 ? 'No process runs it now' : `${players} in, ${free} seats free`);
  view.meter.max = Math.max(1, seats);
  view.meter.value = players;
  setText(view.states, statesText(instances));
  view.item.classList.toggle('here', isHere);
  setText(view.button, isHere ? 'You are here' : 'Join');
  view.button.disabled = isHere;
}

/** Said only where it is more than one running process. */
function statesText(instances: ListedWorld['instances']): string {
  const counts = new Map<string, number>();
  for (const { state } of instances) counts.set(state, (counts.get(state) ?? 0) + 1);
  const isPlain = instances.length === 0 || (instances.length === 1 && counts.has('active'));
  return isPlain ? '' : [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
}

function place(parent: Element, child: Element, index: number): void {
  if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
}
