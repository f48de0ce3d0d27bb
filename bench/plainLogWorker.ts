/** The thread of a plain cache that writes its rows: a synced commit for each message. */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

/** Key and text of the value, in turn. */
export type PlainRows = readonly string[];

const database = new Database(String(workerData));
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.exec('CREATE TABLE log (lsn INTEGER PRIMARY KEY, key TEXT, value TEXT)');
const insert = database.prepare('INSERT INTO log (key, value) VALUES (?, ?)');
const commit = database.transaction((rows: PlainRows) => {
  for (let index = 0; index < rows.length; index += 2) insert.run(rows[index], rows[index + 1]);
});

parentPort?.on('message', (rows: PlainRows) => {
  commit(rows);
  parentPort?.postMessage('committed');
});
