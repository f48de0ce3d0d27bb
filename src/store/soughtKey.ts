/** A key as bytes of UTF-8, in a buffer that is used again and again. */
const FIRST_CAPACITY = 1024;
const MAX_BYTES_A_UNIT = 3;
/** Greater than all bytes of UTF-8. */
const NO_BYTE_OF_UTF8 = 0xff;

export class SoughtKey {
  bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  view = viewOf(this.bytes);
  /** Bytes in use. */
  length = 0;
  /** Whether each byte is a character. */
  isAscii = true;

  set(key: string): void {
    const room = key.length * MAX_BYTES_A_UNIT;
    if (room > this.bytes.length) {
      this.bytes = Buffer.allocUnsafeSlow(2 * room);
      this.view = viewOf(this.bytes);
    }
    const { view } = this;
    for (let index = 0; index < key.length; index++) {
      const unit = key.charCodeAt(index);
      if (unit >= 0x80) {
        this.length = this.bytes.write(key, 'utf8');
        this.isAscii = false;
        return;
      }
      view.setUint8(index, unit);
    }
    this.length = key.length;
    this.isAscii = true;
  }

  /** Takes the place after all keys that begin with the prefix, in which no key can be. */
  setAfterAll(prefix: string): void {
    this.set(`${prefix}\0`);
    this.view.setUint8(this.length - 1, NO_BYTE_OF_UTF8);
  }

  /** @returns negative if this key comes before the bytes, positive if after, 0 if they are equal. */
  compareTo(view: DataView, at: number, length: number): number {
    return this.compareStart(view, at, Math.min(this.length, length)) || this.length - length;
  }

  /** As `compareTo`, of the first `count` bytes of both, which each must have. */
  compareStart(view: DataView, at: number, count: number): number {
    const whole = count & ~3;
    let index = 0;
    for (; index < whole; index += 4) {
      const [own, other] = [this.view.getUint32(index), view.getUint32(at + index)];
      if (own !== other) return own < other ? -1 : 1;
    }
    for (; index < count; index++) {
      const difference = this.view.getUint8(index) - view.getUint8(at + index);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** Writes the bytes of the key. */
  copyTo(view: DataView, at: number): void {
    copyBytes(this.view, this.length, view, at);
  }

  /** Whether the bytes begin with this key. */
  isPrefixOf(view: DataView, at: number, length: number): boolean {
    return this.length <= length && this.compareTo(view, at, this.length) === 0;
  }
}

export const viewOf = (bytes: Buffer): DataView<ArrayBufferLike> =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Copies the first bytes: where they are few, a call of native code takes longer than this loop. */
export function copyBytes(from: DataView, length: number, to: DataView, at: number): void {
  const whole = length & ~3;
  let index = 0;
  for (; index < whole; index += 4) to.setUint32(at + index, from.getUint32(index));
  for (; index < length; index++) to.setUint8(at + index, from.getUint8(index));
}
