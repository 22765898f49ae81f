/** The layout of DTLS 1.2: records, and the handshake messages in them (RFC 6347, 4.1 and 4.2.2). Pure. */

export const DTLS_CHANGE_CIPHER_SPEC = 20;
export const DTLS_ALERT = 21;
export const DTLS_HANDSHAKE = 22;
export const DTLS_APPLICATION_DATA = 23;

export const CLIENT_HELLO = 1;
export const HELLO_VERIFY_REQUEST = 3;
export const CERTIFICATE = 11;
export const CERTIFICATE_VERIFY = 15;
export const CLIENT_KEY_EXCHANGE = 16;

export const RECORD_HEADER_BYTES = 13;
const HANDSHAKE_HEADER_BYTES = 12;
const DTLS_1_2 = 0xfefd;
/** Longer handshake messages are not taken. A certificate is the longest; 4096-bit RSA needs 2 KiB. */
export const MAX_HANDSHAKE_MESSAGE_BYTES = 8192;

export interface DtlsRecord {
  readonly type: number;
  readonly epoch: number;
  /** Low 32 bits of the sequence number. */
  readonly sequence: number;
  readonly payload: Buffer;
  /** With its header. */
  readonly raw: Buffer;
}

/** A handshake message, or a part of one. */
export interface HandshakeFragment {
  readonly type: number;
  /** Of the whole message, in bytes. */
  readonly length: number;
  /** Number of the message: `message_seq`. */
  readonly message: number;
  /** Where `bytes` is in the message. */
  readonly offset: number;
  readonly bytes: Buffer;
}

export interface HandshakeMessage {
  readonly type: number;
  readonly message: number;
  readonly body: Buffer;
}

/** @returns the records of a datagram; undefined if it is not made of whole records. */
export function recordsOf(datagram: Buffer): DtlsRecord[] | undefined {
  const records: DtlsRecord[] = [];
  for (let at = 0; at < datagram.length; ) {
    if (at + RECORD_HEADER_BYTES > datagram.length) return undefined;
    const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11);
    if (end > datagram.length) return undefined;
    records.push({
      type: datagram[at] as number,
      epoch: datagram.readUInt16BE(at + 3),
      sequence: datagram.readUInt32BE(at + 7),
      payload: datagram.subarray(at + RECORD_HEADER_BYTES, end),
      raw: datagram.subarray(at, end),
    });
    at = end;
  }
  return records;
}

/** @returns what a plaintext handshake record contains; undefined if a part of it is malformed. */
export function fragmentsOf(payload: Buffer): HandshakeFragment[] | undefined {
  const fragments: HandshakeFragment[] = [];
  for (let at = 0; at < payload.length; ) {
    const body = at + HANDSHAKE_HEADER_BYTES;
    if (body > payload.length) return undefined;
    const length = payload.readUIntBE(at + 1, 3);
    const offset = payload.readUIntBE(at + 6, 3);
    const end = body + payload.readUIntBE(at + 9, 3);
    if (end > payload.length || offset + end - body > length) return undefined;
    if (length > MAX_HANDSHAKE_MESSAGE_BYTES) return undefined;
    fragments.push({
      type: payload[at] as number,
      length,
      message: payload.readUInt16BE(at + 4),
      offset,
      bytes: payload.subarray(body, end),
    });
    at = end;
  }
  return fragments;
}

/** A whole message with its header, as it counts in hashes and signatures (RFC 6347, 4.2.6). */
export function wholeMessage({ type, message, body }: HandshakeMessage): Buffer {
  const out = Buffer.alloc(HANDSHAKE_HEADER_BYTES + body.length);
  out[0] = type;
  out.writeUIntBE(body.length, 1, 3);
  out.writeUInt16BE(message, 4);
  out.writeUIntBE(body.length, 9, 3);
  body.copy(out, HANDSHAKE_HEADER_BYTES);
  return out;
}

/** A plaintext record with one whole handshake message and sequence number 0. */
export function handshakeRecord(message: HandshakeMessage): Buffer {
  const content = wholeMessage(message);
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header[0] = DTLS_HANDSHAKE;
  header.writeUInt16BE(DTLS_1_2, 1);
  header.writeUInt16BE(content.length, 11);
  return Buffer.concat([header, content]);
}
