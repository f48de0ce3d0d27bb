// Players of the room of `colyseusServer.mjs`, who steer as bots do: `node colyseusBots.mjs URL COUNT SECONDS`.
// They read no state: what is compared is the server. One line of JSON at the end.
import { encode } from '@msgpack/msgpack';
import { WebSocket } from 'ws';
import { Steering } from '../bots/steering.ts';

/** Of Colyseus's protocol. */
const [JOIN_ROOM, ROOM_DATA] = [10, 13];

const [, , url = '', countText = '1', secondsText = '1'] = process.argv;
const [count, seconds] = [Number(countText), Number(secondsText)];

let [bytes, messages, seated] = [0, 0, 0];

async function play(number) {
  const answer = await fetch(`${url}/matchmake/joinOrCreate/meadow`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
  });
  const reserved = await answer.json();
  const { processId, roomId } = reserved.room ?? reserved;
  const socket = new WebSocket(
    `${url.replace('http', 'ws')}/${processId}/${roomId}?sessionId=${reserved.sessionId}`,
  );
  socket.on('error', (error) => process.stderr.write(`${error}\n`));
  socket.on('message', (data) => {
    bytes += data.byteLength;
    messages += 1;
    if (data[0] !== JOIN_ROOM) return;
    seated += 1;
    socket.send(new Uint8Array([JOIN_ROOM]));
  });
  let seq = 0;
  const step = () => Math.floor(Math.random() * 3) - 1;
  new Steering(number, () => {
    if (socket.readyState !== WebSocket.OPEN) return;
    seq += 1;
    socket.send(new Uint8Array([ROOM_DATA, 0, ...encode([seq, step(), step()])]));
  });
}

for (let number = 0; number < count; number += 1) void play(number);
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const share = seconds * Math.max(1, seated);
const line = {
  seated,
  bytesPerSecond: Math.round(bytes / share),
  messagesPerSecond: Math.round(messages / share),
};
process.stdout.write(`${JSON.stringify(line)}\n`);
process.exit(0);
