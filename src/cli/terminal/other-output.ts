/** Many lines on stdout: gathered, so that a line costs no system call, and no faster than they are read. */
import { once } from 'node:events';

const GATHERED_CHARACTERS = 64 * 1024;

export class Output {
  #text = '';

  /** Resolves once there is room for more. */
  async line(line: string): Promise<void> {
    this.#text += `${line}\n`;
    if (this.#text.length >= GATHERED_CHARACTERS) await this.flush();
  }

  /** Before a pause, and at the end. */
  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
  }
}
