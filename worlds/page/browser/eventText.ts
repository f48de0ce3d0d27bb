/** Reads server-sent events out of text that comes in pieces (WHATWG HTML, "Server-sent events"). */
export interface ServerEvent {
  readonly type: string;
  readonly data: string;
  /** The id that the stream has named last; empty for none. */
  readonly lastId: string;
}

/** A server that sends more without the end of a line is not to be read on. */
export const MAX_LINE_CHARACTERS = 1_000_000;

export class EventText {
  #rest = '';
  #type = '';
  #data: string[] = [];
  #lastId = '';

  /**
   * @param text cut anywhere.
   * @returns the events that end in it.
   * @throws RangeError if a line does not end.
   */
  push(text: string): ServerEvent[] {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MAX_LINE_CHARACTERS)
      throw new RangeError('A line of the event stream is too long.');
    return lines.flatMap((line) => this.#take(line.endsWith('\r') ? line.slice(0, -1) : line));
  }

  #take(line: string): ServerEvent[] {
    if (line === '') return this.#end();
    const colon = line.indexOf(':');
    // A line that begins with a colon is a comment: a sign of life.
    if (colon === 0) return [];
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#type = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#lastId = value;
    return [];
  }

  #end(): ServerEvent[] {
    const event = {
      type: this.#type || 'message',
      data: this.#data.join('\n'),
      lastId: this.#lastId,
    };
    const isEvent = this.#data.length > 0;
    this.#type = '';
    this.#data = [];
    return isEvent ? [event] : [];
  }
}
