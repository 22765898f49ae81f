/**
 * The `.sdp` file of a capture: the client's offers one after the other, each as it came, with a
 * session attribute that says when. One offer alone is a plain SDP file.
 */
const TIME = 'a=x-capture-ms:';

export interface CapturedOffer {
  /** Since the start of the capture, in milliseconds. */
  readonly offsetMs: number;
  readonly sdp: string;
}

/** @param offsetMs since the start of the capture. */
export function offerRecord(sdp: string, offsetMs: number): string {
  const lines = sdp.split(/\r?\n/).filter((line) => line !== '');
  const firstMedia = lines.findIndex((line) => line.startsWith('m='));
  lines.splice(firstMedia < 0 ? lines.length : firstMedia, 0, `${TIME}${offsetMs}`);
  return `${lines.join('\r\n')}\r\n`;
}

/** Offers in the order of their times. An SDP without a time is taken as the first. */
export function readOffers(text: string): CapturedOffer[] {
  return text
    .split(/^(?=v=0\r?$)/m)
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const lines = part.split(/\r?\n/).filter((line) => line !== '');
      const time = lines.find((line) => line.startsWith(TIME));
      const sdp = lines.filter((line) => line !== time).join('\r\n');
      return { offsetMs: Number(time?.slice(TIME.length) ?? 0), sdp: `${sdp}\r\n` };
    })
    .sort((a, b) => a.offsetMs - b.offsetMs);
}
