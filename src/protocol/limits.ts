/** Limits and codes of the connection that client and server share. No typebox: the client uses them. */

/** Longest WebSocket or data-channel message in bytes. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** Longest chat text, or `data` of an application's message as JSON, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 4096;

/** Arrays and objects inside one another, in a message or in a request to the API. */
export const MAX_JSON_DEPTH = 64;

/** Close code of the socket (RFC 6455, 7.4.2): the client must not connect again by itself. */
export const FINAL_CLOSE = 4000;
