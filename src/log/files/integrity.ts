/** The faults that SQLite finds in the file of a log. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/**
 * @param file the open file.
 * @returns a sentence for each fault; none if the file is whole.
 */
export async function integrityFaults(file: string): Promise<readonly string[]> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./integrityWorker.${extension}`, import.meta.url), {
    name: 'hearsay-integrity',
    workerData: { file },
    execArgv: [],
  });
  const exited = once(worker, 'exit');
  try {
    const [faults]: unknown[] = await once(worker, 'message');
    return Array.isArray(faults) ? faults.map((fault) => sentence(String(fault))) : [];
  } finally {
    await exited;
  }
}

const sentence = (fault: string): string => `SQLite: ${fault.replaceAll(/\s*\n\s*/g, '; ')}`;
