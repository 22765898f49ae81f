/**
 * The peer connection of a call: offers and answers, candidates, ICE restarts, and what is received.
 * It does not know what is sent: the caller adds transceivers.
 */

import type { ClientMessage } from '../../src/protocol/client-messages.js';
import type { IceServer } from '../../src/protocol/ice-server.js';

/** How long media may be disconnected before ICE is restarted. */
const RESTART_MS = 1_000;

export interface MediaConnectionEvents {
  send(message: ClientMessage): void;
  onConnected(): void;
  /** Media stopped. ICE is restarted without the caller. */
  onInterrupted(): void;
  /** The connection cannot be continued. */
  onFailed(error: unknown): void;
}

export class MediaConnection {
  /** The composite and the mix. The same stream over all reconnections. */
  readonly stream = new MediaStream();
  private pc: RTCPeerConnection | undefined;
  /** Another offer is needed once the pending one is answered. */
  private offerOwed = false;
  private restartTimer: ReturnType<typeof setTimeout> | undefined;

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
      iceServers: iceServers.map((server) => ({ ...server })) as RTCIceServer[],
    });
    this.pc = pc;
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
    const { sdp } = await pc.createOffer({ iceRestart });
    await pc.setLocalDescription({ type: 'offer', sdp: withAudioNack(sdp ?? '') });
    this.events.send({ type: 'offer', sdp: pc.localDescription?.sdp ?? '' });
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
      this.events.onConnected();
    } else if (state === 'disconnected' || state === 'failed') {
      this.events.onInterrupted();
      // The network changed: new candidates for the same connection.
      this.restartTimer ??= setTimeout(
        () => {
          this.restartTimer = undefined;
          this.offer(true).catch(this.events.onFailed);
        },
        state === 'failed' ? 0 : RESTART_MS,
      );
    }
  }

  /** Ends the connection, so that another one can start. */
  drop(): void {
    this.stopRestart();
    if (this.pc) this.pc.onconnectionstatechange = null;
    this.pc?.close();
    this.pc = undefined;
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
  }

  /** Ends the connection for good. Its statistics can still be read. */
  close(): void {
    this.stopRestart();
    this.pc?.close();
  }

  private stopRestart(): void {
    clearTimeout(this.restartTimer);
    this.restartTimer = undefined;
  }
}

/** Browsers support NACK for audio, but do not offer it. Adds it to the offer. */
function withAudioNack(sdp: string): string {
  return sdp.replace(/^a=rtpmap:(\d+) opus\/48000.*$/gim, (line, payload) =>
    sdp.includes(`a=rtcp-fb:${payload} nack`) ? line : `${line}\r\na=rtcp-fb:${payload} nack`,
  );
}
