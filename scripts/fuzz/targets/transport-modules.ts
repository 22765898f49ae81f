/** The readers of datagrams and of records on the link, in this process. */
import { decodeRecord, encodeFrameHead } from '../../../src/link/frame-codec.js';
import type { MediaFrame } from '../../../src/link/link-messages.js';
import { DatagramGuard } from '../../../src/peer/datagram-guard.js';
import { readConnectivityCheck } from '../../../src/peer/stun-integrity.js';
import { clientHello, oddRecord } from '../dtls.js';
import { mutateBytes } from '../mutate.js';
import type { Random } from '../random.js';
import { bindingRequest, oddRequest } from '../stun.js';
import { demand, moduleTarget, type Target } from '../target.js';

const CREDENTIALS = { username: 'abcd:efgh', password: 'abcdefghijklmnopqrstuv' };
const passwordOf = (fragment: string) => (fragment === 'abcd' ? CREDENTIALS.password : undefined);

/** A datagram of any protocol that the server reads. */
function datagram(random: Random): Buffer {
  switch (random.int(5)) {
    case 0:
      return oddRequest(random, CREDENTIALS);
    case 1:
      return bindingRequest(random, CREDENTIALS, random.chance(0.5));
    case 2:
      return clientHello(random.bytes(32), random.int(3), random.bytes(random.pick([0, 0, 20])));
    case 3:
      return oddRecord(random);
    default:
      return random.bytes(random.length(300) + 1);
  }
}

/** Room for a value is checked by the reader itself, not by its caller. */
const stun = moduleTarget(
  'stun',
  (random) => {
    const how = random.pick(['whole', 'changed']);
    const request = oddRequest(random, CREDENTIALS);
    return { how, bytes: how === 'whole' ? request : mutateBytes(random, request) };
  },
  (input) => {
    if (input.bytes.length < 20) return;
    readConnectivityCheck(input.bytes, passwordOf);
  },
);

const guard: Target = {
  name: 'datagram-guard',
  from: 'module',
  batch: 20_000,
  open: () => {
    const judge = new DatagramGuard({
      passwordOf,
      isPending: () => false,
      remotePassword: () => 'theirs',
      mayHaveMoved: () => true,
    });
    let now = 0;
    return {
      next: (random) => ({ how: 'datagram', bytes: mutateBytes(random, datagram(random)) }),
      send: ({ bytes }) => {
        now += 1000;
        judge.judge(bytes, '192.0.2.1', 5000, now);
      },
    };
  },
};

function mediaFrame(random: Random): MediaFrame {
  const data = random.bytes(random.length(300));
  const times = { captureMicros: random.int(2 ** 40), arrivalMicros: random.int(2 ** 40) };
  if (random.chance(0.5)) {
    return {
      kind: 'audio-in',
      source: random.int(100),
      sequence: random.int(65_536),
      timestamp: random.int(2 ** 32),
      isRepeat: random.chance(0.5),
      isSilent: random.chance(0.5),
      ...times,
      data,
    };
  }
  return {
    kind: 'video-in',
    source: random.int(100),
    codec: random.pick(['vp8', 'h264'] as const),
    keyframe: random.chance(0.5),
    colourSpace: { matrix: 'bt601', fullRange: random.chance(0.5) },
    rotation: random.pick([0, 90, 180, 270] as const),
    ...times,
    data,
  };
}

const link = moduleTarget(
  'link-record',
  (random) => {
    const frame = mediaFrame(random);
    const bytes = Buffer.concat([encodeFrameHead(frame).subarray(4), frame.data]);
    return { how: 'record', bytes: random.chance(0.7) ? mutateBytes(random, bytes) : bytes };
  },
  (input) => {
    let decoded: ReturnType<typeof decodeRecord>;
    try {
      decoded = decodeRecord(input.bytes);
    } catch (error) {
      // A fault of the other end: the link ends it.
      demand(error instanceof Error, 'something other than an Error was thrown', input);
      return;
    }
    if (decoded === null || typeof decoded !== 'object' || !('kind' in decoded)) return;
    if (!('data' in decoded)) return;
    demand(decoded.data.length <= input.bytes.length, 'a frame too long', input);
  },
);

export const TRANSPORT_MODULES: readonly Target[] = [stun, guard, link];
