/**
 * The peer connection of a call: offers and answers, candidates, ICE restarts, and what is received.
 * It does not know what is sent: the caller adds transceivers.
 */

import type { ClientMessage } from '../../src/protocol/client-messages.js';
import type { IceServer } from '../../src/protocol/ice-server.js';

/** How long media may be disconnected before ICE is restarted. */
const RESTART_MS = 1_000;
/** How long a restart waits for new credentials of the TURN servers. */
const CREDENTIALS_MS = 1_000;
/** By then something must have been decoded. */
const DECODED_MS = 5_000;

export interface MediaConnectionEvents {
  send(message: ClientMessage): void;
  onConnected(): void;
  /** Media stopped. ICE is restarted without the caller. */
  onInterrupted(): void;
  /** The connection cannot be continued. */
  onFailed(error: unknown): void;
  /** Whether a picture should be received at present. */
  expectsPicture(): boolean;
  /** Nothing of what should be received was decoded, or it is after all. */
  onMissing(isMissing: boolean): void;
}

interface InboundStats {
  readonly type: string;
  readonly kind?: string;
  readonly framesDecoded?: number;
  readonly packetsReceived?: number;
}

export class MediaConnection {
  /** The composite and the mix. The same stream over all reconnections. */
  readonly stream = new MediaStream();
  private pc: RTCPeerConnection | undefined;
  /** Another offer is needed once the pending one is answered. */
  private offerOwed = false;
  private restartTimer: ReturnType<typeof setTimeout> | undefined;
  private watchTimer: ReturnType<typeof setInterval> | undefined;
  private isMissing = false;
  private hasIceServers = false;
  /** Called when new credentials have come. */
  private credentialsCame: (() => void) | undefined;

  constructor(private readonly events: MediaConnectionEvents) {}

  /** Undefined while there is no connection. */
  get peerConnection(): RTCPeerConnection | undefined {
    return this.pc;
  }

  /** @param addMedia adds what the first offer contains, in the order of its m-lines. */
  async start(
    iceServers: readonly IceServer[],
    addMedia: (pc: RTCPeerConnection) => Promise<void>,
  ): Promise<void> {
    const pc = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: copied(iceServers),
    });
    this.pc = pc;
    this.hasIceServers = iceServers.length > 0;
    pc.onconnectionstatechange = () => this.checkState();
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) this.events.send({ type: 'candidate', candidate: candidate.candidate });
    };
    pc.ontrack = ({ track }) => {
      if (!this.stream.getTracks().includes(track)) this.stream.addTrack(track);
    };
    await addMedia(pc);
    await this.offer();
  }

  /** Offers now, or after the answer to the pending offer. */
  async offer(iceRestart = false): Promise<void> {
    const { pc } = this;
    if (!pc) return;
    this.offerOwed = pc.signalingState !== 'stable';
    if (this.offerOwed) return;
    const offer = await pc.createOffer({ iceRestart });
    try {
      await pc.setLocalDescription({ type: 'offer', sdp: withAudioFeatures(offer.sdp ?? '') });
    } catch {
      // A browser that takes no changes. The call goes on without what they ask for.
      await pc.setLocalDescription(offer);
    }
    this.events.send({ type: 'offer', sdp: pc.localDescription?.sdp ?? '' });
  }

  /** Gets new candidates for the same connection, with new credentials of the TURN servers. */
  async restartIce(): Promise<void> {
    if (this.hasIceServers) {
      const came = new Promise<void>((resolve) => {
        this.credentialsCame = resolve;
        setTimeout(resolve, CREDENTIALS_MS);
      });
      this.events.send({ type: 'iceServers' });
      await came;
    }
    await this.offer(true);
  }

  /** For the next restart of ICE: credentials of TURN servers end. */
  setIceServers(iceServers: readonly IceServer[]): void {
    this.hasIceServers = iceServers.length > 0;
    this.pc?.setConfiguration({ ...this.pc.getConfiguration(), iceServers: copied(iceServers) });
    this.credentialsCame?.();
  }

  async takeAnswer(sdp: string): Promise<void> {
    await this.pc?.setRemoteDescription({ type: 'answer', sdp });
    if (this.offerOwed) await this.offer();
  }

  async takeCandidate(candidate: string): Promise<void> {
    await this.pc?.addIceCandidate({ candidate, sdpMLineIndex: 0 });
  }

  /** Announces the state of the connection, and restarts ICE if media has stopped. */
  checkState(): void {
    const state = this.pc?.connectionState;
    if (state === 'connected') {
      this.stopRestart();
      this.watchTimer ??= setInterval(() => {
        this.watch().catch(reportError);
      }, DECODED_MS);
      this.events.onConnected();
    } else if (state === 'disconnected' || state === 'failed') {
      this.events.onInterrupted();
      // The network changed: new candidates for the same connection.
      this.restartTimer ??= setTimeout(
        () => {
          this.restartTimer = undefined;
          this.restartIce().catch(this.events.onFailed);
        },
        state === 'failed' ? 0 : RESTART_MS,
      );
    }
  }

  /** Ends the connection, so that another one can start. */
  drop(): void {
    this.stopRestart();
    this.stopWatch();
    if (this.pc) this.pc.onconnectionstatechange = null;
    this.pc?.close();
    this.pc = undefined;
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
  }

  /** Ends the connection for good. Its statistics can still be read. */
  close(): void {
    this.stopRestart();
    this.stopWatch();
    this.pc?.close();
  }

  /** Looks whether anything is decoded, until it is. */
  private async watch(): Promise<void> {
    const { pc } = this;
    if (pc?.connectionState !== 'connected') return;
    const kind = this.events.expectsPicture() ? 'video' : 'audio';
    let decoded = false;
    for (const [, stats] of (await pc.getStats()) as unknown as Iterable<[string, InboundStats]>) {
      if (stats.type !== 'inbound-rtp' || stats.kind !== kind) continue;
      if (((kind === 'video' ? stats.framesDecoded : stats.packetsReceived) ?? 0) > 0)
        decoded = true;
    }
    if (decoded) this.stopWatch();
    if (decoded !== this.isMissing) return;
    this.isMissing = !decoded;
    this.events.onMissing(this.isMissing);
  }

  private stopWatch(): void {
    clearInterval(this.watchTimer);
    this.watchTimer = undefined;
  }

  private stopRestart(): void {
    clearTimeout(this.restartTimer);
    this.restartTimer = undefined;
  }
}

function copied(iceServers: readonly IceServer[]): RTCIceServer[] {
  return iceServers.map((server) => ({ ...server })) as RTCIceServer[];
}

/** Browsers support NACK for audio, and stereo both ways, but offer neither. Adds them to the offer. */
function withAudioFeatures(sdp: string): string {
  return sdp
    .replace(/^a=rtpmap:(\d+) opus\/48000.*$/gim, (line, payload) =>
      sdp.includes(`a=rtcp-fb:${payload} nack`) ? line : `${line}\r\na=rtcp-fb:${payload} nack`,
    )
    .replace(/^a=fmtp:\d+ .*useinbandfec=.*$/gim, (line) =>
      line.includes('stereo=') ? line : `${line};stereo=1`,
    );
}
