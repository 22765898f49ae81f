import { createHmac } from 'node:crypto';
import { isIP } from 'node:net';
import { TesseraError } from '../errors.js';
import type { PeerTransportOptions } from '../peer/peer-transport.js';
import type { IceServer } from '../protocol/ice-server.js';
import { lifelineOf, parseLadder, renditionLadder } from '../rooms/renditions.js';
import type { RoomManagerOptions } from '../rooms/room-manager.js';
import { COMPOSITE_CODECS, type CompositeCodec, HARDWARE_ENCODERS } from '../util/units.js';
import { isLoopback } from './auth-options.js';
import { listOf, numberOf, type Settings, textOf } from './load.js';

function portRangeOf(settings: Settings): readonly [number, number] | undefined {
  const text = textOf(settings, 'ice.portRange');
  if (text === '') return undefined;
  const match = /^(\d+)-(\d+)$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || first < 1024 || last > 65_535 || last < first) {
    throw new TesseraError(
      'bad_config',
      `TESSERA_ICE_PORT_RANGE=${text}: must be first-last within 1024-65535`,
    );
  }
  return [first, last];
}

function transportOptions(settings: Settings): PeerTransportOptions {
  const local = isLoopback(textOf(settings, 'host'));
  const advertised = listOf(settings, 'ice.advertisedAddresses');
  const wrong = advertised.find((address) => isIP(address) === 0);
  if (wrong !== undefined) {
    throw new TesseraError(
      'bad_config',
      `TESSERA_ICE_ADVERTISED_ADDRESSES: ${wrong} is no IP address`,
    );
  }
  const probe = textOf(settings, 'ice.probe');
  const widest = probe === 'auto' ? (local ? 'loopback' : 'private') : probe;
  const useIpv6 = textOf(settings, 'ice.ipv6') === 'on';
  const loopback = useIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
  return {
    additionalAddresses: local ? [...loopback, ...advertised] : advertised,
    portRange: portRangeOf(settings),
    useIpv6,
    useTcp: textOf(settings, 'ice.tcp') === 'on',
    candidatePolicy: {
      allowPrivate: widest === 'private' || widest === 'loopback',
      allowLoopback: widest === 'loopback',
    },
  };
}

function codecsOf(settings: Settings): CompositeCodec[] {
  const named = listOf(settings, 'video.codecs');
  const codecs = COMPOSITE_CODECS.filter((codec) => named.includes(codec));
  if (codecs.length === 0 || codecs.length < named.length) {
    throw new TesseraError(
      'bad_config',
      `video.codecs: ${named.join()}: not all of them are known`,
      {
        next: `Name some of ${COMPOSITE_CODECS.join(', ')}, each once.`,
      },
    );
  }
  return codecs.sort((a, b) => named.indexOf(a) - named.indexOf(b));
}

/** What the rooms are made with. */
export function roomOptions(settings: Settings): RoomManagerOptions {
  const canvas = {
    width: numberOf(settings, 'video.width'),
    height: numberOf(settings, 'video.height'),
    frameRate: numberOf(settings, 'video.frameRate'),
  };
  const wanted = listOf(settings, 'video.renditions');
  const best = { ...canvas, bitrateBps: numberOf(settings, 'video.bitrate') * 1000 };
  const ladder = wanted.join() === 'auto' ? renditionLadder(best) : parseLadder(wanted, canvas);
  const lifelineSeconds = numberOf(settings, 'video.lifelineSeconds');
  const lifelineBps = numberOf(settings, 'video.lifelineBitrate') * 1000;
  return {
    mix: {
      ...canvas,
      renditions: [...ladder, ...lifelineOf(ladder, lifelineSeconds, lifelineBps)],
      hardware: HARDWARE_ENCODERS.find((name) => name === textOf(settings, 'video.hardware')),
      audioChannels: textOf(settings, 'audio.channels') === '2' ? 2 : 1,
      audioBitrateBps: numberOf(settings, 'audio.bitrate') * 1000,
      lowAudioBitrateBps: numberOf(settings, 'audio.lowBitrate') * 1000,
      fit: textOf(settings, 'video.fit') === 'letterbox' ? 'letterbox' : 'crop',
      labels: textOf(settings, 'video.labels') === 'on',
      maxSpeakers: numberOf(settings, 'audio.maxSpeakers'),
      levelling: textOf(settings, 'audio.levelling') === 'on',
      noiseGate: textOf(settings, 'audio.noiseGate') === 'on',
      stereoPlacement: textOf(settings, 'audio.placement') === 'on',
      loadControl: textOf(settings, 'load.control') === 'on',
    },
    transport: transportOptions(settings),
    videoCodecs: codecsOf(settings),
    dtx: textOf(settings, 'audio.dtx') === 'on',
    defaults: {
      maxParticipants: numberOf(settings, 'room.maxParticipants'),
      maxSeconds: numberOf(settings, 'room.maxSeconds'),
      emptySeconds: numberOf(settings, 'room.emptySeconds'),
    },
    dataDir: textOf(settings, 'data.dir'),
    maxRooms: numberOf(settings, 'server.maxRooms'),
    loadControl: textOf(settings, 'load.control') === 'on',
    admissionShare: numberOf(settings, 'load.admission') / 100,
  };
}

/**
 * STUN and TURN servers for one client. With a shared secret the credentials are valid for a limited
 * time (the REST API for TURN that coturn implements: HMAC-SHA1 of `expiry:user`).
 */
export function iceServersFor(settings: Settings, user: string, nowSeconds: number): IceServer[] {
  const urls = listOf(settings, 'ice.urls');
  if (urls.length === 0) return [];
  const secret = textOf(settings, 'ice.secret');
  if (secret !== '') {
    const username = `${nowSeconds + numberOf(settings, 'ice.secretTtl')}:${user}`;
    const credential = createHmac('sha1', secret).update(username).digest('base64');
    return [{ urls, username, credential }];
  }
  const username = textOf(settings, 'ice.username');
  const credential = textOf(settings, 'ice.credential');
  return [username === '' ? { urls } : { urls, username, credential }];
}
