/**
 * RTP payloads of NAL units, as H.264 (RFC 6184) and H.265 (RFC 7798) have them: a unit alone, several in
 * an aggregation packet, or a fragment of one. The formats differ in their headers. Never throws.
 */

const [FRAGMENT_START, FRAGMENT_END] = [0x80, 0x40] as const;

export interface NalPayloadFormat {
  /** Of a unit and of a payload; a unit is not shorter. */
  readonly headerBytes: number;
  readonly typeOf: (payload: Buffer) => number;
  /** The type of aggregation packets. All types of single units are below it. */
  readonly aggregation: number;
  readonly fragment: number;
  /** The lowest type of a single unit. */
  readonly firstType: number;
  /** The header of the unit that a fragment belongs to. @param fragmentHeader the byte behind the payload's header. */
  readonly unitHeader: (payload: Buffer, fragmentHeader: number) => Buffer;
}

/** Whether a fragment is the first of its unit. */
export const startsUnit = (fragmentHeader: number) => (fragmentHeader & FRAGMENT_START) !== 0;

/** The NAL units of an aggregation packet; undefined if it is malformed. */
export function splitAggregate(
  payload: Buffer,
  { headerBytes }: NalPayloadFormat,
): Buffer[] | undefined {
  const units: Buffer[] = [];
  for (let at = headerBytes; at < payload.length; ) {
    if (at + 2 > payload.length) return undefined;
    const length = payload.readUInt16BE(at);
    at += 2;
    if (length < headerBytes || at + length > payload.length) return undefined;
    units.push(payload.subarray(at, at + length));
    at += length;
  }
  return units.length > 0 ? units : undefined;
}

/** All NAL units of one access unit, fragments joined; undefined if they are malformed. */
export function collectUnits(
  payloads: readonly Buffer[],
  format: NalPayloadFormat,
): Buffer[] | undefined {
  const { headerBytes, typeOf, aggregation, fragment, firstType, unitHeader } = format;
  const units: Buffer[] = [];
  let fragments: Buffer[] | undefined;
  for (const payload of payloads) {
    if (payload.length < headerBytes) return undefined;
    const type = typeOf(payload);
    if (type === fragment) {
      const header = payload[headerBytes];
      if (header === undefined) return undefined;
      if (startsUnit(header)) {
        if (fragments) return undefined;
        fragments = [unitHeader(payload, header)];
      }
      if (!fragments) return undefined;
      fragments.push(payload.subarray(headerBytes + 1));
      if (header & FRAGMENT_END) {
        units.push(Buffer.concat(fragments));
        fragments = undefined;
      }
      continue;
    }
    if (fragments) return undefined;
    if (type === aggregation) {
      const inner = splitAggregate(payload, format);
      if (!inner) return undefined;
      units.push(...inner);
    } else if (type >= firstType && type < aggregation) units.push(payload);
    else return undefined;
  }
  return fragments ? undefined : units;
}

/** The first byte of a slice's header: its highest bit says that it is the first of its picture. */
export const isFirstSlice = (byte: number | undefined) => ((byte ?? 0) & 0x80) !== 0;
