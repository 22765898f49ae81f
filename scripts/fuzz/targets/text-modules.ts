/** The readers of texts, in this process: signalling and data messages, SDP, fragments, tokens, names. */
import { signToken, verifyToken } from '../../../src/api/access-token.js';
import { makeKey } from '../../../src/config/api-keys.js';
import { TesseraError } from '../../../src/errors.js';
import { writeAnswer } from '../../../src/peer/sdp-answer.js';
import { parseSdpFragment } from '../../../src/peer/sdp-fragment.js';
import { parseOffer } from '../../../src/peer/sdp-offer.js';
import type { ErrorCode } from '../../../src/protocol/error-codes.js';
import { MAX_MESSAGE_BYTES } from '../../../src/protocol/limits.js';
import { cleanName, cleanRoomId } from '../../../src/rooms/names.js';
import { parseClientMessage, parseDataMessage } from '../../../src/signalling/parse-message.js';
import { jsonText, mutateBytes, mutateJson, mutateLines, oddString } from '../mutate.js';
import type { Random } from '../random.js';
import { clientMessage, dataMessage } from '../seeds/messages.js';
import { chromiumOffer, FRAGMENT } from '../seeds/offer.js';
import { demand, type FuzzInput, moduleTarget, type Target } from '../target.js';

/** Runs a reader that may refuse its input, but only with these codes. */
function reads<T>(read: () => T, codes: readonly ErrorCode[]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TesseraError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

const messages = moduleTarget(
  'message-schema',
  (random) => {
    const how = random.pick(['client', 'data']);
    const message = how === 'client' ? clientMessage(random) : dataMessage(random);
    return { how, bytes: jsonText(random, mutateJson(random, message)) };
  },
  (input) => {
    const text = input.bytes.toString();
    const parse = input.how === 'client' ? parseClientMessage : parseDataMessage;
    const message = reads(() => parse(text), ['bad_message', 'message_too_large']);
    if (!message) return;
    demand(text.length <= MAX_MESSAGE_BYTES, 'a message that is too long', input);
    // What is taken can be sent on.
    JSON.stringify(message);
  },
);

/** An offer with some lines changed, or changed by bytes. */
export function mutatedOffer(random: Random, offer: string): Buffer {
  const lines = mutateLines(random, offer);
  return random.chance(0.15) ? mutateBytes(random, Buffer.from(lines)) : Buffer.from(lines);
}

const LOCAL = {
  usernameFragment: 'abcd',
  password: 'abcdefghijklmnopqrstuv',
  fingerprint: new Array(32).fill('00').join(':'),
  candidates: ['1 1 udp 1 127.0.0.1 5000 typ host'],
};
const STREAMS = { cname: 'fuzz', audioSsrc: 1, videoSsrc: 2, videoRtxSsrc: 3 };

const sdp = moduleTarget(
  'sdp-offer',
  (random) => ({ how: 'offer', bytes: mutatedOffer(random, chromiumOffer()) }),
  (input) => {
    const offer = reads(() => parseOffer(input.bytes.toString(), ['vp8', 'h264']), ['bad_sdp']);
    if (!offer) return;
    const answer = writeAnswer(offer, LOCAL, STREAMS, { dtx: true });
    demand(answer.length <= input.bytes.length * 4 + 16_384, 'an answer too long', input);
    const lines = answer.split('\r\n').slice(0, -1);
    const wrong = lines.find((line) => !/^[a-z]=[^\r\n]*$/.test(line));
    demand(wrong === undefined, `the answer has the line ${wrong}`, input);
    const sections = lines.filter((line) => line.startsWith('m=')).length;
    demand(sections === offer.media.sections.length, 'an answer with other m-lines', input);
  },
  2000,
);

const fragments = moduleTarget(
  'sdp-fragment',
  (random) => ({ how: 'fragment', bytes: mutatedOffer(random, FRAGMENT) }),
  (input) => {
    const fragment = reads(() => parseSdpFragment(input.bytes.toString()), ['bad_sdp']);
    demand((fragment?.candidates.length ?? 0) <= 64, 'too many candidates', input);
  },
);

const KEY = makeKey('fuzz');

const tokens: Target = {
  name: 'access-token',
  from: 'module',
  batch: 2000,
  open: async () => {
    const video = { room: 'call', roomJoin: true };
    const whole = await signToken(KEY, { identity: 'one', video, seconds: 60 });
    return {
      next: (random) => ({ how: 'token', bytes: mutatedToken(random, whole) }),
      send: async (input) => {
        try {
          await verifyToken(input.bytes.toString('latin1'), [KEY], 10);
        } catch (error) {
          const isRefusal = error instanceof TesseraError && error.code === 'unauthorized';
          if (!isRefusal) throw error;
          return;
        }
        // Base64 has more than one spelling of the last bits.
        const isSame = input.bytes.toString('latin1').slice(0, -1) === whole.slice(0, -1);
        demand(isSame, 'a forged token was taken', input);
      },
    };
  },
};

function mutatedToken(random: Random, token: string): Buffer {
  const parts = token.split('.');
  if (random.chance(0.5)) return mutateBytes(random, Buffer.from(token));
  const at = random.int(2);
  const claims = JSON.parse(Buffer.from(parts[at] as string, 'base64url').toString());
  const changed = jsonText(random, mutateJson(random, claims));
  parts[at] = changed.toString('base64url');
  return Buffer.from(parts.join('.'));
}

const names = moduleTarget(
  'names',
  (random) => {
    const text = Array.from({ length: 1 + random.int(4) }, () => oddString(random)).join('a');
    return { how: random.pick(['name', 'room']), bytes: mutateBytes(random, Buffer.from(text)) };
  },
  (input: FuzzInput) => {
    const text = input.bytes.toString();
    const clean = input.how === 'name' ? cleanName : cleanRoomId;
    const name = reads(() => clean(text), ['bad_name', 'bad_room']);
    if (name === undefined) return;
    demand(name !== '' && [...name].length <= 64, 'a name too long', input);
    demand(clean(name) === name, 'a name that is cleaned twice', input);
  },
);

export const TEXT_MODULES: readonly Target[] = [messages, sdp, fragments, tokens, names];
