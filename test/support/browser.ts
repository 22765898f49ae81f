import { type Browser, chromium, type Page } from 'playwright-core';
import { BARCODE, IN_PAGE } from './call-page-script.js';
import { type ColourName, colourVideo, tone } from './fixtures.js';
import type { TestServer } from './server.js';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
  '--autoplay-policy=no-user-gesture-required',
];

export interface BrowserOptions {
  readonly colour?: ColourName;
  readonly frequency?: number;
  /** A beep each second in place of a steady tone. */
  readonly beeping?: boolean;
  /** A camera picture with large keyframes. */
  readonly textured?: boolean;
}

/** A real Chromium with its own fake camera and microphone. */
export async function launchBrowser({
  colour,
  frequency,
  beeping,
  textured,
}: BrowserOptions = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      ...FLAGS,
      ...(colour ? [`--use-file-for-fake-video-capture=${colourVideo(colour, textured)}`] : []),
      ...(frequency ? [`--use-file-for-fake-audio-capture=${tone(frequency, beeping)}`] : []),
    ],
  });
}

export interface CallOptions {
  readonly room: string;
  readonly name: string;
  readonly audio?: boolean;
  readonly video?: boolean;
  readonly viewer?: boolean;
  /** False receives sound alone. */
  readonly receiveVideo?: boolean;
  /** In place of the fake camera: a drawn picture of this size and colour that moves. */
  readonly drawn?: { readonly width: number; readonly height: number; readonly colour: string };
  /** In place of the server's own. */
  readonly signalUrl?: string;
}

/** Rectangle in fractions of the composite. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A page in a call, through the SDK, with what tests read back from what it received. */
export class CallPage {
  private constructor(readonly page: Page) {}

  static async join(browser: Browser, server: TestServer, options: CallOptions): Promise<CallPage> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
    page.on('pageerror', (error) => console.error(`page: ${error.message}`));
    await page.goto(`${server.url}/healthz`);
    await page.evaluate(IN_PAGE);
    const call = new CallPage(page);
    await page.evaluate((all) => (window as any).tessera.join(all), {
      options,
      url: options.signalUrl ?? server.signalUrl,
      sdk: `${server.url}/sdk.js`,
    });
    return call;
  }

  /** Mean RGB of a small square in the middle of a region of the newest composite. */
  colourAt(region: Region): Promise<[number, number, number]> {
    return this.page.evaluate((r) => (window as any).tessera.colourAt(r), region);
  }

  /** The frame number in a tile's barcode, or -1. */
  barcodeAt(region: Region): Promise<number> {
    return this.page.evaluate(({ r, b }) => (window as any).tessera.barcodeAt(r, b), {
      r: region,
      b: BARCODE,
    });
  }

  /** Level of a pure tone in what is heard, in dBFS of its peak. */
  toneLevel(frequency: number): Promise<number> {
    return this.page.evaluate((f) => (window as any).tessera.toneLevel(f), frequency);
  }

  /** Size of the composite, frames decoded, longest time between two of them since the last call. */
  video(): Promise<{
    width: number;
    height: number;
    frames: number;
    longestGapMs: number;
    codec: string;
  }> {
    return this.page.evaluate(() => (window as any).tessera.video());
  }

  /** The server's ICE username fragment. */
  remoteFragment(): Promise<string> {
    return this.page.evaluate(() => (window as any).tessera.ufrag());
  }

  /** Asks for less, or for all again. */
  receive(limits: object): Promise<void> {
    return this.page.evaluate((wanted) => (window as any).tessera.room.setReceive(wanted), limits);
  }

  /** What the SDK does when the network changes. */
  restartIce(): Promise<void> {
    return this.page.evaluate(() => (window as any).tessera.room.restartIce());
  }

  /** Codes of the SDK's errors since the last call. */
  errors(): Promise<string[]> {
    return this.page.evaluate(() => (window as any).tessera.errors.splice(0));
  }

  /** States other than connected that the room went through since the last call. */
  states(): Promise<string[]> {
    return this.page.evaluate(() => (window as any).tessera.states.splice(0));
  }

  /** Makes the server ask this page's camera for a keyframe. */
  sendKeyframe(): Promise<void> {
    return this.call('setCameraEnabled', true);
  }

  /** The longest run of concealed sound since the last call; looked at every 50 ms. */
  longestConcealmentMs(): Promise<number> {
    return this.page.evaluate(() => (window as any).tessera.longestConcealment());
  }

  inboundStats(): Promise<Record<string, number>> {
    return this.page.evaluate(() => (window as any).tessera.inbound());
  }

  /** Heights of the camera's simulcast layers that were encoded in the last second. */
  sentLayers(): Promise<number[]> {
    return this.page.evaluate(() => (window as any).tessera.sentLayers());
  }

  /** When beeps were captured here and when the others' were heard, in epoch milliseconds. */
  beeps(): Promise<{ sent: number[]; heard: number[] }> {
    return this.page.evaluate(() => {
      const { sent, heard } = (window as any).tessera;
      return { sent: sent.beeps, heard: heard.beeps };
    });
  }

  call(method: 'setMicEnabled' | 'setCameraEnabled' | 'leave', value?: boolean): Promise<void> {
    return this.page.evaluate(([m, v]) => (window as any).tessera.room[m as string](v), [
      method,
      value,
    ] as const);
  }
}
