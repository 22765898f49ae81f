/** Little-endian numbers of 7 bits a byte (AV1 bitstream, 4.10.5). */

const MAX_BYTES = 8;

/** @returns the number and the bytes that it takes; 0 bytes if it is cut short. */
export function readLeb128(data: Buffer, at: number): [value: number, length: number] {
  let value = 0;
  for (let length = 1; length <= MAX_BYTES && at + length <= data.length; length++) {
    const byte = data[at + length - 1] as number;
    value += (byte & 0x7f) * 2 ** (7 * (length - 1));
    if (byte < 0x80) return [value, length];
  }
  return [value, 0];
}

/** @param value less than 2^31. */
export function leb128(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) return Buffer.from(bytes);
  }
}
