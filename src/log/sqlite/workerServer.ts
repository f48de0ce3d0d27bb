/** The worker's side of a `WorkerChannel`: answers every request once, in order. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Fault, faultOf } from './faults.ts';
import { replyWayIn, sendReply } from './replyWay.ts';

/**
 * Serves until `answer` has answered a request of the type `close`; then the thread ends.
 *
 * @param answer its errors are sent as faults.
 * @param handedOver memory of a reply that goes over to the other thread without a copy.
 */
export function serve<Request extends { readonly type: string }, Reply>(
  answer: (request: Request) => Reply,
  handedOver: (reply: Reply | Failure) => readonly ArrayBuffer[] = () => [],
): void {
  const port = parentPort;
  if (port === null) throw new Error('This file runs only as a worker thread.');
  const way = replyWayIn(workerData);
  port.on('message', (request: Request) => {
    const reply = answered(answer, request);
    if (way === null) port.postMessage(reply, handedOver(reply));
    else sendReply(way, reply, handedOver(reply));
    if (request.type === 'close') port.close();
  });
}

interface Failure {
  readonly type: 'failed';
  readonly fault: Fault;
}

function answered<Request, Reply>(
  answer: (request: Request) => Reply,
  request: Request,
): Reply | Failure {
  try {
    return answer(request);
  } catch (error) {
    return { type: 'failed', fault: faultOf(error) };
  }
}
