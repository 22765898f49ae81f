/** Several byte strings as one input, each after its length in two bytes. */

export function pack(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(part.length, 0);
      return [length, part];
    }),
  );
}

export function unpack(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at);
    parts.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return parts;
}
