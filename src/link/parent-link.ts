/** The server, as a process that it started sees it: at the other end of file descriptor 3. */
import { Socket } from 'node:net';
import type { LinkMessage } from './frame-codec.js';
import { MediaLink, type MediaLinkEvents } from './media-link.js';

export interface ParentLink {
  readonly link: MediaLink;
  send(message: LinkMessage): void;
  /** Something broke that nobody foresaw: the server replaces this process. */
  fail(error: unknown): void;
}

/** Whatever is thrown and caught by nobody is told to the server too. */
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
