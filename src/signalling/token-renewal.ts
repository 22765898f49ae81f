/** Gives a client new tokens before the one it has expires. */

/** Time between two looks at the client's token. */
const RENEW_MS = 300_000;

export interface TokenRenewalEvents {
  onToken(token: string): void;
  onError(error: unknown): void;
}

export class TokenRenewal {
  private timer: NodeJS.Timeout | undefined;

  /** @param renew gives the next token, or undefined while the present one is good. */
  constructor(
    private readonly renew: () => Promise<string | undefined>,
    private readonly events: TokenRenewalEvents,
  ) {}

  start(): void {
    if (this.timer) return;
    this.timer = setInterval(() => this.check(), RENEW_MS);
    this.check();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private check(): void {
    this.renew()
      .then((token) => {
        if (token !== undefined && this.timer) this.events.onToken(token);
      })
      .catch((error: unknown) => this.events.onError(error));
  }
}
