/** The page: a person logs in, sees the worlds, joins one, and plays. */
import { Account, keyOf } from './account.ts';
import type { WorldName } from './answers.ts';
import { Refusal } from './ask.ts';
import { byId, setText } from './elements.ts';
import { measureRegions } from './latency.ts';
import { idOf, LobbyFeed } from './lobbyFeed.ts';
import { LobbyView, regionsByLatency } from './lobbyView.ts';
import { newsText } from './newsText.ts';
import { type PlayNews, PlaySession } from './playSession.ts';
import { Stage } from './stage.ts';
import { Steering } from './steering.ts';

const MEASURE_EVERY_MS = 60_000;
const HUD_EVERY_MS = 200;

const root = document.documentElement;
const news = byId('news', HTMLElement);
const canvas = byId('ground', HTMLCanvasElement);
const key = byId('key', HTMLElement);
const keyField = byId('key-field', HTMLInputElement);
const erasing = byId('erasing', HTMLDialogElement);

let latencies: ReadonlyMap<string, number> = new Map();

/** `login`, `lobby` or `play`: the style sheet shows what belongs to each. */
function setScreen(screen: 'login' | 'lobby' | 'play'): void {
  root.dataset.screen = screen;
}

const say = (text: string): void => setText(news, text);

const account = new Account(() => {
  leaveAll();
  say('Your session is over: log in again.');
});

const lobby = new LobbyView({
  list: byId('worlds', HTMLElement),
  onJoin: (world) => void join(world),
});
const feed = new LobbyFeed(account, () => showLobby());

const regions = (): string[] => regionsByLatency(feed.state.worlds, latencies);

const session: PlaySession = new PlaySession({
  account,
  regions,
  direction: () => steering.direction,
  onNews: (item) => onNews(item),
});
const stage = new Stage(canvas, session);
const steering: Steering = new Steering({
  canvas,
  figureAt: () => stage.figureAt,
  isPlaying: () => session.scene !== null,
});

function showLobby(): void {
  const { state } = feed;
  lobby.show({ ...state, latencies, seat: session.seat });
  const isQuiet = state.isLive && !state.isStale;
  const text = state.isLive ? 'This list may be old.' : 'The list is not live now.';
  setText(byId('lobby-state', HTMLElement), isQuiet ? '' : text);
  byId('any', HTMLButtonElement).disabled = state.worlds.length === 0;
  byId('empty', HTMLElement).hidden = state.worlds.length > 0;
}

function nameOf(place: WorldName): string {
  const world = feed.state.worlds.find((one) => idOf(one) === idOf(place));
  return `${world?.name ?? place.world} (${place.region})`;
}

function onNews(item: PlayNews): void {
  say(newsText(item, nameOf));
  if (item.type === 'joined' || item.type === 'back') {
    setText(byId('place', HTMLElement), nameOf(item.seat));
    setScreen('play');
    if (item.type === 'joined') canvas.focus({ preventScroll: true });
  }
  if (item.type === 'revoked') leaveAll();
  root.dataset.connection = session.scene !== null && !session.isConnected ? 'lost' : 'up';
  if (session.scene === null && root.dataset.screen === 'play') setScreen('lobby');
  byId('replaced', HTMLElement).hidden = item.type !== 'replaced';
  showLobby();
}

function showHud(): void {
  const { scene } = session;
  if (scene === null) return;
  setText(byId('coins', HTMLElement), String(scene.coins));
  setText(byId('players', HTMLElement), String(scene.players));
  setText(byId('round-trip', HTMLElement), `${Math.round(session.roundTripMs)} ms`);
}

async function join(world: WorldName | null): Promise<void> {
  say(world === null ? 'Looking for a seat …' : `Asking for a seat in ${nameOf(world)} …`);
  await session.join(world);
}

async function enter(): Promise<void> {
  setScreen('lobby');
  feed.start();
  setText(byId('name', HTMLElement), await account.name().catch(() => 'Guest'));
}

/** Back to the login. */
function leaveAll(): void {
  session.end();
  feed.stop();
  key.textContent = '';
  root.dataset.key = 'none';
  setScreen('login');
}

/** Carries out what a person has asked for, and says why not. */
function act(work: () => Promise<void>): void {
  work().catch((error: unknown) => {
    if (error instanceof Refusal) say(error.message);
    else throw error;
  });
}

function onClick(id: string, work: () => Promise<void> | void): void {
  byId(id, HTMLButtonElement).addEventListener('click', () => act(async () => work()));
}

onClick('guest', async () => {
  say('Making a guest …');
  const guest = await account.enterAsGuest();
  key.textContent = keyOf(guest);
  root.dataset.key = 'shown';
  say(`Welcome, ${guest.name}.`);
  await enter();
});
byId('key-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  act(async () => {
    await account.enterByKey(keyField.value);
    keyField.value = '';
    say('Welcome back.');
    await enter();
  });
});
onClick('copy', async () => {
  await navigator.clipboard.writeText(key.textContent ?? '');
  say('The key is copied. Keep it: with it, you come back as the same player.');
});
onClick('any', () => join(null));
onClick('here', () => join(null));
onClick('leave', () => session.leave());
onClick('logout', async () => {
  session.end();
  await account.logout();
  leaveAll();
  say('You are logged out.');
});
onClick('erase', () => erasing.showModal());
onClick('erase-no', () => erasing.close());
onClick('erase-yes', async () => {
  erasing.close();
  session.end();
  const goneBy = await account.erase();
  leaveAll();
  say(`You are erased. The logs forget you by ${goneBy.toLocaleTimeString()}.`);
});

setInterval(showHud, HUD_EVERY_MS);

async function measure(): Promise<void> {
  if (root.dataset.screen === 'login' || document.hidden) return;
  latencies = await measureRegions(account, regions());
  showLobby();
}

/** At once when a region is listed that was not measured yet. */
let known = '';
setInterval(() => {
  const now = regions().sort().join();
  if (now === known) return;
  known = now;
  void measure();
}, HUD_EVERY_MS);
setInterval(() => void measure(), MEASURE_EVERY_MS);

setScreen('login');
act(async () => {
  if (await account.restore()) {
    say('Welcome back.');
    await enter();
  }
});
