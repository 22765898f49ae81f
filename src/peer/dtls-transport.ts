/** werift's DTLS; the keys go to our own SRTP. */
import { type RTCCertificate, RTCDtlsTransport } from 'werift';
import {
  masterLengths,
  SRTP_AEAD_AES_128_GCM,
  SRTP_AES128_CM_HMAC_SHA1_80,
  type SrtpProfile,
} from './srtp-keys.js';
import { SrtpSession } from './srtp-session.js';

export const SRTP_PROFILES: SrtpProfile[] = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_HMAC_SHA1_80];

let certificate: Promise<RTCCertificate> | undefined;

/** The certificate of all connections of this process, made on the first call. */
export function localCertificate(): Promise<RTCCertificate> {
  certificate ??= RTCDtlsTransport.SetupCertificate();
  return certificate;
}

/** werift's DTLS without its SRTP. `keysReady` gets the SRTP session once the handshake is done. */
export class DtlsTransport extends RTCDtlsTransport {
  keysReady: ((session: SrtpSession) => void) | undefined;

  override startSrtp(): void {
    if (this.srtpStarted || !this.dtls) return;
    this.srtpStarted = true;
    const profile = this.dtls.srtp.srtpProfile as SrtpProfile | undefined;
    if (profile === undefined)
      throw new Error('the client offers no SRTP profile that the server supports');
    const { key, salt } = masterLengths(profile);
    const keys = this.dtls.extractSessionKeys(key, salt);
    this.keysReady?.(
      new SrtpSession({
        profile,
        localKey: keys.localKey,
        localSalt: keys.localSalt,
        remoteKey: keys.remoteKey,
        remoteSalt: keys.remoteSalt,
      }),
    );
  }
}
