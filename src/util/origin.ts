/**
 * Whether a page may use this server. Browsers send the page's origin (RFC 6454). Other programs send
 * none; this check does not protect from them.
 * @param host the request's Host header.
 * @param allowed origins besides the server's own; `*` is all.
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
