/** The link from a child process to the server, over file descriptor 3. */
import { Socket } from 'node:net';
import type { LinkMessage } from './frame-codec.js';
import { MediaLink, type MediaLinkEvents } from './media-link.js';

export interface ParentLink {
  readonly link: MediaLink;
  send(message: LinkMessage): void;
  /** Reports a fault that this process cannot handle: the server replaces the process. */
  fail(error: unknown): void;
}

/** Opens the link. Uncaught exceptions and rejections are reported to the server with `fail`. */
export function openParentLink(events: MediaLinkEvents): ParentLink {
  const link = new MediaLink(new Socket({ fd: 3, readable: true, writable: true }), events);
  const fail = (error: unknown) => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    link.send({ type: 'failed', message });
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  return { link, send: (message) => link.send(message), fail };
}
