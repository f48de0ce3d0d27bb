/** Reports a refusal of the system to listen in the words of the settings. */
import { HearsayError } from '../words/errors.ts';
import type { Address } from './portCheck.ts';

/** @returns a HearsayError for an error of listening, else the error itself. */
export function listenFailure(error: unknown, listens: Address): unknown {
  if (!(error instanceof Error) || error instanceof HearsayError) return error;
  // A node may listen at two ports.
  const port = 'port' in error ? error.port : listens.port;
  const host = 'address' in error ? error.address : listens.host;
  const { code, syscall }: NodeJS.ErrnoException = error;
  const say = (sentence: string) => new HearsayError(sentence, { cause: error });
  if (code === 'EADDRINUSE')
    return say(
      `Port ${port} of ${host} is in use by another process; stop that process or choose another port.`,
    );
  if (syscall === 'listen' || syscall === 'getaddrinfo')
    return say(`This machine can't listen on port ${port} of ${host}: ${error.message}.`);
  return error;
}
