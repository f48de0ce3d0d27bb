/**
 * The MessagePack of play: one encoder and one decoder for all messages, where `encode` and `decode` make each anew, with
 * room for the message.
 *
 * A message tells how many elements follow, and the decoder makes room for them before it has read one: five bytes of a
 * client would take 268 MB. So it takes no more than a message of a client can have.
 */
import { Decoder, Encoder } from '@msgpack/msgpack';
import { MAX_MESSAGE_BYTES, MAX_MESSAGE_ELEMENTS } from '../rules/clientMessages.ts';

const encoder = new Encoder();
const decoder = new Decoder({
  maxArrayLength: MAX_MESSAGE_ELEMENTS,
  maxMapLength: 0,
  maxStrLength: 0,
  maxBinLength: 0,
  maxExtLength: 0,
});

/** @returns bytes that stay as they are. */
export const encodeMessage = (message: readonly unknown[]): Uint8Array => encoder.encode(message);

/** @returns bytes that the next message overwrites: they are to be copied at once. */
export const encodeToCopy = (message: readonly unknown[]): Uint8Array =>
  encoder.encodeSharedRef(message);

/** @returns null for a message that is too long, no MessagePack, or has more in it than any message of a client. */
export function decodeMessage(data: unknown): unknown {
  if (!(data instanceof Uint8Array) || data.byteLength > MAX_MESSAGE_BYTES) return null;
  try {
    return decoder.decode(data);
  } catch {
    return null;
  }
}
