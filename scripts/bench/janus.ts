/** Debian's Janus with its AudioBridge, called over its HTTP API by the same clients as Tessera. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { ClientPeer } from '../../src/peer/client-peer.js';
import { sleep, waitFor } from '../../test/support/server.js';
import { loadFixtures } from '../fixtures.js';
import { treeCpuSeconds } from './process-cpu.js';
import { talks } from './turns.js';

const PORT = 18_088;
const BASE = `http://127.0.0.1:${PORT}/janus`;
const ROOM = 1;

interface Answer {
  readonly janus: string;
  readonly data?: { readonly id: number };
  readonly jsep?: { readonly sdp: string };
}

const CONFIG = {
  'janus.jcfg': `general: { admin_secret = "x"; debug_level = 1 }
nat: { ice_enforce_list = "lo"; ignore_mdns = true }
media: { rtp_port_range = "40000-49999" }
plugins: { disable = "libjanus_duktape.so,libjanus_lua.so,libjanus_echotest.so,libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_videoroom.so,libjanus_voicemail.so" }
transports: { disable = "libjanus_websockets.so,libjanus_rabbitmq.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so" }`,
  'janus.transport.http.jcfg': `general: { json = "compact"; http = true; port = ${PORT}; ip = "127.0.0.1" }`,
  'janus.plugin.audiobridge.jcfg': `room-${ROOM}: { sampling_rate = 48000; default_bitrate = 48000 }`,
};

async function post(path: string, body: object): Promise<Answer> {
  const response = await fetch(`${BASE}${path}`, {
    method: 'POST',
    body: JSON.stringify({ transaction: `${Math.random()}`, ...body }),
  });
  return (await response.json()) as Answer;
}

/** Joins the room with sound both ways. */
async function join(name: string): Promise<ClientPeer> {
  const session = `/${(await post('', { janus: 'create' })).data?.id}`;
  const attach = { janus: 'attach', plugin: 'janus.plugin.audiobridge' };
  const handle = `${session}/${(await post(session, attach)).data?.id}`;
  const peer = new ClientPeer({
    codec: 'vp8',
    sends: 'audio',
    screen: false,
    data: false,
    ipv6: false,
    receives: { audio: true, video: false },
    videoSequence: 1,
  });
  const sdp = await peer.offer();
  const body = { request: 'join', room: ROOM, display: name, muted: false };
  await post(handle, { janus: 'message', body, jsep: { type: 'offer', sdp } });
  const answer = await waitFor('an answer of Janus', async () => {
    const event = (await (await fetch(`${BASE}${session}?maxev=1`)).json()) as Answer;
    return event.jsep;
  });
  await peer.answered(answer.sdp);
  await peer.connected();
  // Sessions end without a sign of life.
  setInterval(() => post(session, { janus: 'keepalive' }).catch(() => {}), 20_000).unref();
  return peer;
}

/** Cores that a room of people takes, three of whom talk at a time. */
export async function janusCost(
  count: number,
  seconds: number,
): Promise<{ cores: number; packetsPerSecond: number }> {
  const { talk, quiet } = await loadFixtures();
  const folder = mkdtempSync(joinPath(tmpdir(), 'tessera-janus-'));
  for (const [name, text] of Object.entries(CONFIG)) writeFileSync(joinPath(folder, name), text);
  const janus = spawn('janus', ['-F', folder, '-C', joinPath(folder, 'janus.jcfg')], {
    stdio: 'ignore',
  });
  const peers: ClientPeer[] = [];
  let received = 0;
  let timer: NodeJS.Timeout | undefined;
  try {
    await waitFor('Janus', () =>
      fetch(`${BASE}/info`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    for (let i = 0; i < count; i++) {
      const peer = await join(`Person ${i}`);
      peer.tapMedia(() => received++);
      peers.push(peer);
    }
    const start = performance.now();
    let frame = 0;
    timer = setInterval(() => {
      for (; frame * 20 <= performance.now() - start; frame++) {
        for (const [i, peer] of peers.entries()) {
          const source = talks(i, count, frame * 20_000) ? talk : quiet;
          peer.sendRtp('audio', [source[frame % source.length] as Buffer], frame * 960);
        }
      }
    }, 2);
    await sleep(4000);
    const [before, packets, at] = [
      treeCpuSeconds(janus.pid as number),
      received,
      performance.now(),
    ];
    await sleep(seconds * 1000);
    const took = (performance.now() - at) / 1000;
    return {
      cores: (treeCpuSeconds(janus.pid as number) - before) / took,
      packetsPerSecond: (received - packets) / took / count,
    };
  } finally {
    clearInterval(timer);
    await Promise.all(peers.map((peer) => peer.close()));
    janus.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}
