/**
 * A participant on libwebrtc (@roamhq/wrtc), in a process of its own since it may crash at exit.
 * Joins, sends and receives as its options say, and answers the questions of `Bot`.
 */
import wrtc from '@roamhq/wrtc';
import WebSocket from 'ws';
import type { BotOptions } from './bot.js';
import { BotReceiver } from './bot-receiver.js';
import { BotScreen, BotSender } from './bot-sender.js';
import { onlyCodecs } from './only-codecs.js';

const { RTCPeerConnection } = wrtc as any;
const options = JSON.parse(process.argv[2] as string) as BotOptions;
const receiver = new BotReceiver(options.watchTile);
const { report } = receiver;
const sender = new BotSender(options, (at) => report.sentBeeps.push(at));
let screen: BotScreen | undefined;
/** Types of the messages that came, for the report of a bot that does not connect. */
const received: string[] = [];

const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
const query = options.token === undefined ? '' : `?access_token=${options.token}`;
const socket = new WebSocket(`${options.url}${query}`);
const send = (message: unknown) => socket.send(JSON.stringify(message));

socket.on('open', () =>
  send({ type: 'join', room: options.room, name: options.name, viewer: options.viewer ?? false }),
);
socket.on('message', async (text: Buffer) => {
  const message = JSON.parse(text.toString());
  if (received.length < 20) received.push(message.type);
  if (message.type === 'welcome') await startMedia();
  if (message.type === 'answer')
    await pc.setRemoteDescription({ type: 'answer', sdp: message.sdp });
  if (message.type === 'candidate') {
    await pc.addIceCandidate({ candidate: message.candidate, sdpMLineIndex: 0, sdpMid: '0' });
  }
  if (message.type === 'connection' && message.state === 'connected') report.joined = true;
  if (message.type === 'error') report.errors.push(message.code);
});

async function offer(): Promise<void> {
  await pc.setLocalDescription(await pc.createOffer());
  const { sdp } = pc.localDescription;
  send({ type: 'offer', sdp: options.sends ? onlyCodecs(sdp, options.sends) : sdp });
}

async function startMedia(): Promise<void> {
  const sendonly = { direction: 'sendonly' };
  if (!options.viewer) {
    pc.addTransceiver(options.audio === false ? 'audio' : sender.audio.createTrack(), sendonly);
    pc.addTransceiver(options.video === false ? 'video' : sender.video.createTrack(), sendonly);
  }
  pc.addTransceiver('audio', { direction: 'recvonly' });
  if (options.watch !== false) pc.addTransceiver('video', { direction: 'recvonly' });
  pc.onicecandidate = ({ candidate }: any) =>
    candidate && send({ type: 'candidate', candidate: candidate.candidate });
  pc.ontrack = ({ track }: any) => receiver.receive(track);
  await offer();
  send({ type: 'mute', mic: options.audio !== false, camera: options.video !== false });
}

async function share(frequency: number): Promise<void> {
  if (!screen) {
    screen = new BotScreen();
    pc.addTransceiver(screen.video.createTrack(), { direction: 'sendonly' });
    pc.addTransceiver(screen.audio.createTrack(), { direction: 'sendonly' });
    await offer();
  }
  send({ type: 'mute', screen: true });
  screen.start(frequency);
}

function stopSharing(): void {
  screen?.stop();
  send({ type: 'mute', screen: false });
}

/** Samples of sound played, and those of them that were made up. */
async function concealment(): Promise<{ concealed: number; total: number }> {
  const sum = { concealed: 0, total: 0 };
  for (const stats of (await pc.getStats()).values()) {
    sum.concealed += stats.concealedSamples ?? 0;
    sum.total += stats.totalSamplesReceived ?? 0;
  }
  return sum;
}

/** Colours at evenly spaced points between two points. */
function coloursAlong({ from, to, count }: any): [number, number, number][] {
  return Array.from({ length: count }, (_, i) => {
    const part = count > 1 ? i / (count - 1) : 0;
    return receiver.colourAt(
      from[0] + (to[0] - from[0]) * part,
      from[1] + (to[1] - from[1]) * part,
    );
  });
}

/** What `Bot` may ask, by name. */
const answers: Readonly<Record<string, (question: any) => unknown>> = {
  report: () => receiver.takeReport(),
  state: () =>
    `connection ${pc.connectionState}, ICE ${pc.iceConnectionState}, signalling ${pc.signalingState}, socket ${socket.readyState}, errors [${report.errors}], received [${received}]`,
  concealment,
  level: ({ frequency }) => receiver.levelOf(frequency),
  line: coloursAlong,
  colour: ({ x, y }) => receiver.colourAt(x, y),
  mute: ({ state }) => send({ type: 'mute', ...state }),
  share: ({ frequency }) => {
    share(frequency).catch((error) => report.errors.push(String(error)));
  },
  stopSharing,
  send: ({ message }) => send(message),
  leave: () => send({ type: 'leave' }),
};

process.on('message', async (question: any) => {
  process.send?.({ id: question.id, value: await answers[question.ask]?.(question) });
});
process.on('disconnect', () => process.exit(0));
sender.start();
