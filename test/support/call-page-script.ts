/** What runs in the page of a `CallPage`: it joins with the SDK, and measures what it receives. */
import { BARCODE_CELL, BARCODE_TOP, BITS, FRAME_HEIGHT, FRAME_WIDTH } from './fixtures.js';

/** Where the cells of a barcode are, in fractions of the camera's picture. */
export const BARCODE = {
  bits: BITS,
  cell: BARCODE_CELL / FRAME_WIDTH,
  left: (FRAME_WIDTH - BITS * BARCODE_CELL) / 2 / FRAME_WIDTH,
  middle: (BARCODE_TOP + BARCODE_CELL / 2) / FRAME_HEIGHT,
};

/** Plain JavaScript, since it is passed as text. Sets `window.tessera`. */
export const IN_PAGE = `(() => {
  const t = (window.tessera = { gaps: [], last: 0, frames: 0 });
  t.join = async ({ options, url, sdk }) => {
    const { Room } = await import(sdk);
    const { audio = true, drawn, video = !drawn, room, name, viewer = false, receiveVideo = true } = options;
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const media = audio || video
      ? await navigator.mediaDevices.getUserMedia({
          audio: audio && plain,
          video: video && { width: 320, height: 180, frameRate: 30 },
        })
      : new MediaStream();
    const [audioTrack] = media.getAudioTracks(), [camera] = media.getVideoTracks();
    const videoTrack = drawn ? t.drawnTrack(drawn) : camera;
    t.ownAudio = audioTrack;
    t.attach(await Room.connect({ url, room, name, viewer, receiveVideo, audioTrack, videoTrack }));
  };
  t.drawnTrack = ({ width, height, colour }) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const c = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      c.fillStyle = colour;
      c.fillRect(0, 0, width, height);
      c.fillStyle = 'white';
      c.fillRect((n++ * 8) % width, 0, 40, height / 4);
    }, 66);
    return canvas.captureStream(15).getVideoTracks()[0];
  };
  t.attach = (room) => {
    t.room = room;
    t.states = [];
    room.on('state', ({ state }) => state !== 'connected' && t.states.push(state));
    t.errors = [];
    room.on('error', ({ code }) => t.errors.push(code));
    t.concealment = { run: 0, longest: 0, concealed: 0, total: 0 };
    setInterval(async () => {
      // There is none while the SDK rejoins.
      const stats = await room.peerConnection?.getStats();
      const audio = [...(stats?.values() ?? [])].find((s) => s.type === 'inbound-rtp' && s.kind === 'audio');
      if (!audio) return;
      const c = t.concealment, concealed = audio.concealedSamples - c.concealed, total = audio.totalSamplesReceived - c.total;
      c.concealed = audio.concealedSamples;
      c.total = audio.totalSamplesReceived;
      c.run = concealed > 0 ? c.run + concealed / 48 : 0;
      c.longest = Math.max(c.longest, c.run);
    }, 50);
    const video = (t.element = document.createElement('video'));
    video.autoplay = true;
    video.playsInline = true;
    video.srcObject = room.stream;
    video.style.cssText = 'position:fixed;inset:0;width:1280px;height:720px;background:#000';
    document.body.replaceChildren(video);
    video.play();
    const step = (now) => {
      if (t.last) t.gaps.push(now - t.last);
      t.last = now;
      t.frames++;
      if (t.onframe) t.onframe(now);
      video.requestVideoFrameCallback(step);
    };
    video.requestVideoFrameCallback(step);
    t.context = new AudioContext({ sampleRate: 48000 });
    t.analyser = t.context.createAnalyser();
    t.analyser.fftSize = 16384;
    // The track is another one after a rejoin.
    const connect = () => {
      setTimeout(connect, 100);
      const track = room.stream.getAudioTracks()[0];
      if (!track || track === t.track) return;
      t.track = track;
      t.source?.disconnect();
      t.source = t.context.createMediaStreamSource(new MediaStream([track]));
      t.source.connect(t.analyser);
      t.heard = t.onsets(track);
    };
    connect();
    t.sent = t.ownAudio ? t.onsets(t.ownAudio) : { beeps: [] };
  };
  // Notes when sound begins that was not there for 300 ms.
  t.onsets = (track) => {
    const found = { beeps: [], last: 0 };
    const node = t.context.createScriptProcessor(512, 1, 1);
    node.onaudioprocess = ({ inputBuffer }) => {
      const now = performance.timeOrigin + performance.now();
      if (!inputBuffer.getChannelData(0).some((value) => Math.abs(value) > 0.1)) return;
      if (now - found.last > 300) found.beeps.push(now);
      found.last = now;
    };
    t.context.createMediaStreamSource(new MediaStream([track])).connect(node).connect(t.context.destination);
    return found;
  };
  const canvas = new OffscreenCanvas(16, 16);
  t.context2d = (w, h) => {
    canvas.width = w; canvas.height = h;
    return canvas.getContext('2d', { willReadFrequently: true });
  };
  t.colourAt = (r) => {
    const v = t.element, c = t.context2d(8, 8);
    const w = v.videoWidth, h = v.videoHeight;
    c.drawImage(v, (r.x + r.width / 2) * w - 4, (r.y + r.height / 2) * h - 4, 8, 8, 0, 0, 8, 8);
    const d = c.getImageData(0, 0, 8, 8).data, sum = [0, 0, 0];
    for (let i = 0; i < d.length; i += 4) for (let k = 0; k < 3; k++) sum[k] += d[i + k] / 64;
    return sum.map(Math.round);
  };
  t.barcodeAt = (r, b) => {
    const v = t.element, w = v.videoWidth, h = v.videoHeight;
    const c = t.context2d(b.bits, 1);
    let gray = 0;
    // Tiles may crop the sides or top and bottom of a 16:9 picture.
    const aspect = (r.width * w) / (r.height * h), crop = 16 / 9 / aspect;
    const fx = (x) => r.x + r.width * ((x - 0.5) * Math.max(1, crop) + 0.5);
    const fy = (y) => r.y + r.height * ((y - 0.5) * Math.max(1, 1 / crop) + 0.5);
    for (let i = 0; i < b.bits; i++) {
      c.drawImage(v, fx(b.left + (i + 0.5) * b.cell) * w - 1, fy(b.middle) * h - 1, 3, 3, i, 0, 1, 1);
      const [red, green, blue] = c.getImageData(i, 0, 1, 1).data;
      const luma = (red + green + blue) / 3;
      if (luma > 90 && luma < 165) return -1;
      if (luma >= 165) gray |= 1 << i;
    }
    let value = 0;
    for (let g = gray; g; g >>= 1) value ^= g;
    return value;
  };
  t.toneLevel = (f) => {
    const data = new Float32Array(t.analyser.fftSize);
    t.analyser.getFloatTimeDomainData(data);
    let re = 0, im = 0, norm = 0;
    for (let i = 0; i < data.length; i++) {
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / data.length);
      const angle = (2 * Math.PI * f * i) / 48000;
      re += data[i] * window * Math.cos(angle);
      im += data[i] * window * Math.sin(angle);
      norm += window;
    }
    return 20 * Math.log10((2 * Math.hypot(re, im)) / norm + 1e-9);
  };
  t.longestConcealment = () => {
    const { longest } = t.concealment;
    t.concealment.longest = 0;
    return longest;
  };
  t.ufrag = () => /a=ice-ufrag:(\\S+)/.exec(t.room.peerConnection.currentRemoteDescription.sdp)[1];
  t.sentLayers = async () => {
    const read = async () => new Map([...(await t.room.peerConnection.getStats()).values()]
      .filter((s) => s.type === 'outbound-rtp' && s.kind === 'video').map((s) => [s.id, s]));
    const before = await read();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return [...(await read()).values()]
      .filter((s) => s.framesEncoded > (before.get(s.id)?.framesEncoded ?? 0)).map((s) => s.frameHeight).sort((a, b) => a - b);
  };
  t.inbound = async () => {
    const out = {};
    for (const s of (await t.room.peerConnection.getStats()).values()) {
      if (s.type === 'candidate-pair' && s.nominated) out.roundTrip = s.currentRoundTripTime;
      if (s.type === 'inbound-rtp') for (const [k, v] of Object.entries(s)) if (typeof v === 'number') out[s.kind + '.' + k] = v;
    }
    return out;
  };
  t.video = async () => {
    const gaps = t.gaps.splice(0), all = await t.room.peerConnection.getStats();
    const inbound = [...all.values()].find((s) => s.type === 'inbound-rtp' && s.kind === 'video');
    return {
      width: t.element.videoWidth,
      height: t.element.videoHeight,
      frames: t.frames,
      longestGapMs: Math.max(0, ...gaps),
      codec: all.get(inbound?.codecId)?.mimeType ?? '',
    };
  };
})()`;
