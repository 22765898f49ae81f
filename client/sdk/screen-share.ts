/** Sends a shared screen, window or tab: a second video, and its audio. */

/** Text must stay sharp. Screens rarely need more frames per second. */
const MAX_FRAME_RATE = 15;
const MAX_BITRATE = 2_500_000;

export class ScreenShare {
  stream: MediaStream | undefined;
  private pc: RTCPeerConnection | undefined;
  private video: RTCRtpTransceiver | undefined;
  private audio: RTCRtpTransceiver | undefined;

  /** @param onEnded called when the browser's own button ended it, or the window was closed. */
  constructor(private readonly onEnded: () => void) {}

  /** Sends a stream over a connection. @returns whether m-lines were added: then an offer is needed. */
  async start(pc: RTCPeerConnection, stream: MediaStream): Promise<boolean> {
    const [video] = stream.getVideoTracks();
    const [audio] = stream.getAudioTracks();
    if (!video) throw new Error('there is no video to share');
    if (this.stream && this.stream !== stream) this.stopTracks(this.stream);
    if (this.pc !== pc) {
      this.pc = pc;
      this.video = undefined;
      this.audio = undefined;
    }
    this.stream = stream;
    video.contentHint = 'detail';
    video.onended = () => {
      if (this.stream === stream) this.onEnded();
    };
    const isNew = !this.video || (audio !== undefined && !this.audio);
    if (this.video) await this.video.sender.replaceTrack(video);
    else
      this.video = pc.addTransceiver(video, { direction: 'sendonly', sendEncodings: [ENCODING] });
    await preferDetail(this.video.sender);
    if (this.audio) await this.audio.sender.replaceTrack(audio ?? null);
    else if (audio) this.audio = pc.addTransceiver(audio, { direction: 'sendonly' });
    return isNew;
  }

  /** Stops the stream. Its m-lines stay for the next share. */
  stop(): void {
    if (this.stream) this.stopTracks(this.stream);
    this.stream = undefined;
    for (const transceiver of [this.video, this.audio]) {
      // Fails if the connection is closed: then nothing is sent anyway.
      transceiver?.sender.replaceTrack(null).catch(() => {});
    }
  }

  private stopTracks(stream: MediaStream): void {
    for (const track of stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
  }
}

const ENCODING: RTCRtpEncodingParameters = {
  maxBitrate: MAX_BITRATE,
  maxFramerate: MAX_FRAME_RATE,
};

/** Asks the browser for fewer frames instead of fewer pixels, if it supports that. */
async function preferDetail(sender: RTCRtpSender): Promise<void> {
  const parameters = sender.getParameters() as RTCRtpSendParameters & {
    degradationPreference?: string;
  };
  parameters.degradationPreference = 'maintain-resolution';
  await sender.setParameters(parameters);
}
