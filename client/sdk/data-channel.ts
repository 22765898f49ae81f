/** The data channel of a call. While it is not open, messages go over the socket. */

import type { DataMessage } from '../../src/protocol/data-messages.js';
import type { ServerMessage } from '../../src/protocol/server-messages.js';

export class DataChannel {
  private channel: RTCDataChannel | undefined;

  constructor(
    private readonly onMessage: (message: ServerMessage) => void,
    private readonly sendBySocket: (message: DataMessage) => void,
  ) {}

  /** Adds the channel to a connection. Call it before the offer. */
  add(pc: RTCPeerConnection): void {
    this.channel = pc.createDataChannel('tessera', { negotiated: true, id: 0 });
    this.channel.onmessage = ({ data }) => this.onMessage(JSON.parse(data) as ServerMessage);
  }

  send(message: DataMessage): void {
    if (this.channel?.readyState === 'open') this.channel.send(JSON.stringify(message));
    else this.sendBySocket(message);
  }
}
