/** Load generator of the bench: replays recorded RTP through real peer connections, encodes nothing. */
import { RtpClient } from '../src/bots/rtp-client.js';
import { FRAME_MICROS, loadRecording } from './recording.js';

interface Order {
  readonly url: string;
  readonly room: string;
  readonly count: number;
}

const order = JSON.parse(process.argv[2] as string) as Order;
const recording = await loadRecording();
const clients: RtpClient[] = [];
for (let index = 0; index < order.count; index++) {
  clients.push(
    await RtpClient.join({ url: order.url, room: order.room, name: `Sender ${index + 1}` }),
  );
}
const nowMicros = () => Number(process.hrtime.bigint() / 1000n);
const start = nowMicros();
let video = 0;
let audio = 0;
// Frame n of every sender leaves at start + n frame times: the receiver can tell its age.
process.send?.({ start });
setInterval(() => {
  const elapsed = nowMicros() - start;
  for (; video * FRAME_MICROS <= elapsed; video++) {
    const payloads = recording.video[video % recording.video.length] as Buffer[];
    for (const client of clients) client.sendRtp('video', payloads, video * 3000);
  }
  for (; audio * 20_000 <= elapsed; audio++) {
    const payload = recording.audio[audio % recording.audio.length] as Buffer;
    for (const client of clients) client.sendRtp('audio', [payload], audio * 960);
  }
}, 2);
process.on('disconnect', () => process.exit(0));
