/** Sends garbage to UDP ports at a steady rate, in a process of its own. See `flood` in hostile.ts. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

const { ports, perSecond, seconds } = JSON.parse(process.argv[2] as string) as {
  ports: number[];
  perSecond: number;
  seconds: number;
};
/** First bytes of STUN, DTLS, RTP and of nothing. */
const KINDS = [0, 1, 20, 21, 22, 23, 128, 144, 150, 200, 99];
const garbage = Array.from({ length: 256 }, (_, index) => {
  const data = randomBytes(20 + ((index * 37) % 1200));
  data[0] = KINDS[index % KINDS.length] as number;
  return data;
});
const socket = createSocket('udp4');
const started = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const elapsed = performance.now() - started;
  for (; sent < (elapsed / 1000) * perSecond; sent++) {
    socket.send(garbage[sent % 256] as Buffer, ports[sent % ports.length] as number, '127.0.0.1');
  }
  if (elapsed < seconds * 1000) return;
  clearInterval(timer);
  socket.close();
  process.send?.({ sent });
}, 5);
