/** An offer as Chromium makes it: microphone, camera with simulcast, the composite, a data channel. */

const EXTENSIONS = [
  'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  'a=extmap:13 urn:3gpp:video-orientation',
  'a=extmap:8 http://www.webrtc.org/experiments/rtp-hdrext/color-space',
];

export interface OfferTransport {
  readonly usernameFragment: string;
  readonly password: string;
  readonly fingerprint: string;
}

const SOMEBODY: OfferTransport = {
  usernameFragment: 'Yd7p',
  password: 'v5BtFEbXqfX8tKwSyEBuAXMm',
  fingerprint: new Array(32).fill('A5').join(':'),
};

function transportLines({ usernameFragment, password, fingerprint }: OfferTransport): string[] {
  return [
    'c=IN IP4 0.0.0.0',
    'a=rtcp:9 IN IP4 0.0.0.0',
    `a=ice-ufrag:${usernameFragment}`,
    `a=ice-pwd:${password}`,
    'a=ice-options:trickle',
    `a=fingerprint:sha-256 ${fingerprint}`,
    'a=setup:actpass',
  ];
}

const AUDIO = [
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
  'a=rtcp-fb:111 transport-cc',
  'a=rtcp-fb:111 nack',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:63 red/48000/2',
  'a=fmtp:63 111/111',
  'a=rtpmap:0 PCMU/8000',
];

const VIDEO = [
  'a=rtcp-mux',
  'a=rtcp-rsize',
  'a=rtpmap:96 VP8/90000',
  'a=rtcp-fb:96 goog-remb',
  'a=rtcp-fb:96 transport-cc',
  'a=rtcp-fb:96 ccm fir',
  'a=rtcp-fb:96 nack',
  'a=rtcp-fb:96 nack pli',
  'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96',
  'a=rtpmap:102 H264/90000',
  'a=rtcp-fb:102 nack',
  'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
  'a=rtpmap:103 rtx/90000',
  'a=fmtp:103 apt=102',
  'a=rtpmap:98 VP9/90000',
  'a=rtcp-fb:98 nack',
  'a=fmtp:98 profile-id=0',
  'a=rtpmap:99 rtx/90000',
  'a=fmtp:99 apt=98',
  'a=rtpmap:45 AV1/90000',
  'a=rtcp-fb:45 nack',
  'a=fmtp:45 level-idx=5;profile=0;tier=0',
  'a=rtpmap:46 rtx/90000',
  'a=fmtp:46 apt=45',
  'a=rtpmap:49 H265/90000',
  'a=rtcp-fb:49 nack',
  'a=fmtp:49 level-id=93;tx-mode=SRST',
  'a=rtpmap:50 rtx/90000',
  'a=fmtp:50 apt=49',
];

/** @param over whose transport it is; that of nobody by default. */
export function chromiumOffer(over: OfferTransport = SOMEBODY): string {
  const transport = transportLines(over);
  const [candidate] = ['a=candidate:1 1 udp 2122260223 127.0.0.1 50000 typ host generation 0'];
  return [
    'v=0',
    'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0 1 2 3 4 5',
    'a=extmap-allow-mixed',
    'a=msid-semantic: WMS stream',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 0',
    ...transport,
    candidate,
    'a=mid:0',
    ...EXTENSIONS,
    'a=sendrecv',
    'a=msid:stream mic',
    ...AUDIO,
    'a=ssrc:1001 cname:fuzz',
    'm=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 98 99 45 46 49 50',
    ...transport,
    'a=mid:1',
    ...EXTENSIONS,
    'a=sendonly',
    'a=msid:stream camera',
    ...VIDEO,
    'a=rid:q send',
    'a=rid:h send',
    'a=rid:f send',
    'a=simulcast:send q;h;f',
    'm=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 98 99 45 46 49 50',
    ...transport,
    'a=mid:2',
    ...EXTENSIONS,
    'a=recvonly',
    ...VIDEO,
    'm=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 98 99 45 46 49 50',
    ...transport,
    'a=mid:3',
    'a=sendonly',
    ...VIDEO,
    'a=ssrc-group:FID 2001 2002',
    'a=ssrc:2001 cname:fuzz',
    'a=ssrc:2002 cname:fuzz',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 0',
    ...transport,
    'a=mid:4',
    'a=sendonly',
    ...AUDIO,
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    ...transport,
    'a=mid:5',
    'a=sctp-port:5000',
    'a=max-message-size:262144',
    '',
  ].join('\r\n');
}

export const FRAGMENT = [
  'a=ice-ufrag:Yd7p',
  'a=ice-pwd:v5BtFEbXqfX8tKwSyEBuAXMm',
  'm=audio 9 UDP/TLS/RTP/SAVPF 0',
  'a=mid:0',
  'a=candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host generation 0 ufrag Yd7p network-id 1',
  'a=candidate:2 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active',
  'a=candidate:3 1 udp 1686052607 2001:db8::1 50001 typ srflx raddr 10.0.0.1 rport 50002',
  'a=end-of-candidates',
  '',
].join('\r\n');
