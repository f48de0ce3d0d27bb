// The same world as a room of Colyseus: the same simulation at the same ticks, and patches at the rate of frames.
// Run by `worlds:bench`, which installs Colyseus outside of the lockfile: `node colyseusServer.mjs FOLDER`.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Simulation, TICK_MS } from '../rules/simulation.ts';

const FRAME_MS = 100;
const MOST_PLAYERS = 200;

const [, , folder = '.'] = process.argv;
const from = createRequire(pathToFileURL(join(folder, 'package.json')));
const { Room, Server } = from('@colyseus/core');
const { WebSocketTransport } = from('@colyseus/ws-transport');
const { ArraySchema, MapSchema, schema } = from('@colyseus/schema');

const Player = schema({ x: 'int16', y: 'int16', seq: 'uint32', coins: 'uint16' });
const Coin = schema({ x: 'int16', y: 'int16' });
const World = schema({ players: { map: Player }, coins: { array: Coin } });

class Meadow extends Room {
  maxClients = MOST_PLAYERS;
  patchRate = FRAME_MS;
  #simulation = new Simulation('meadow', { seed: 7, tick: 0, takings: [] });
  #ids = new Map();
  #nextId = 1;

  onCreate() {
    const state = new World();
    state.players = new MapSchema();
    state.coins = new ArraySchema();
    for (const { x, y } of this.#simulation.coins) state.coins.push(new Coin().assign({ x, y }));
    this.state = state;
    this.onMessage(0, ({ sessionId }, [seq, dx, dy]) =>
      this.#simulation.steer(this.#ids.get(sessionId), seq, dx, dy),
    );
    this.setSimulationInterval(() => this.#tick(), TICK_MS);
  }

  onJoin({ sessionId }) {
    const id = this.#nextId++;
    this.#ids.set(sessionId, id);
    const { x, y, seq, coins } = this.#simulation.add(id, null);
    this.state.players.set(sessionId, new Player().assign({ x, y, seq, coins }));
  }

  onLeave({ sessionId }) {
    this.#simulation.remove(this.#ids.get(sessionId));
    this.#ids.delete(sessionId);
    this.state.players.delete(sessionId);
  }

  #tick() {
    for (const { coin } of this.#simulation.step()) {
      const shown = this.state.coins[coin.number];
      shown.x = coin.x;
      shown.y = coin.y;
    }
    for (const [sessionId, id] of this.#ids) {
      const figure = this.#simulation.figure(id);
      const shown = this.state.players.get(sessionId);
      // A member that is set to what it is counts as no change.
      shown.x = figure.x;
      shown.y = figure.y;
      shown.seq = figure.seq;
      shown.coins = figure.coins;
    }
  }
}

const server = new Server({ transport: new WebSocketTransport({ pingInterval: 0 }), greet: false });
server.define('meadow', Meadow);
await server.listen(0, '127.0.0.1');
process.stdout.write(`port ${server.transport.server.address().port}\n`);
