/** The thread in which SQLite checks the file itself, beside the walk over the rows. */
import { parentPort, workerData } from 'node:worker_threads';
import { openLogFile } from './openFile.ts';

const { file }: { file: string } = workerData;
const opened = openLogFile(file);
try {
  parentPort?.postMessage(opened.log.integrityFaults());
} finally {
  opened.close();
}
