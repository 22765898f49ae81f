/** Checks an SDP answer against its offer: RFC 3264, RFC 8829 (JSEP), RFC 8843 (BUNDLE), RFC 4585, RFC 5285. */

interface Section {
  readonly kind: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly lines: readonly string[];
}

interface Description {
  readonly session: readonly string[];
  readonly sections: readonly Section[];
}

function read(sdp: string): Description {
  const [session = '', ...media] = sdp.split(/\r\n(?=m=)/);
  return {
    session: session.split('\r\n'),
    sections: media.map((text) => {
      const lines = text.split('\r\n').filter((line) => line !== '');
      const [kind = '', port, protocol = '', ...formats] = (lines[0] ?? '').slice(2).split(' ');
      return { kind, port: Number(port), protocol, formats, lines };
    }),
  };
}

const values = ({ lines }: { readonly lines: readonly string[] }, name: string) =>
  lines.filter((line) => line.startsWith(`a=${name}:`)).map((line) => line.slice(name.length + 3));
const value = (section: { readonly lines: readonly string[] }, name: string) =>
  values(section, name)[0];
const has = ({ lines }: Section, flag: string) => lines.includes(`a=${flag}`);

const DIRECTIONS = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
/** Which answers a direction allows (RFC 3264, 6.1). */
const ANSWERS: Readonly<Record<string, readonly string[]>> = {
  sendrecv: DIRECTIONS,
  sendonly: ['recvonly', 'inactive'],
  recvonly: ['sendonly', 'inactive'],
  inactive: ['inactive'],
};
const SETUPS: Readonly<Record<string, readonly string[]>> = {
  actpass: ['active', 'passive'],
  active: ['passive'],
  passive: ['active'],
};
const directionOf = (section: Section) =>
  DIRECTIONS.find((direction) => has(section, direction)) ?? 'sendrecv';

function mapOf(section: Section): Map<string, string> {
  return new Map(
    values(section, 'rtpmap').map((text) => {
      const [payload = '', format = ''] = text.split(' ');
      return [payload, format.toLowerCase()];
    }),
  );
}

function bundleOf({ session }: Description): string[] | undefined {
  const line = session.find((text) => text.startsWith('a=group:BUNDLE'));
  return line?.split(' ').slice(1);
}

/** @returns what is wrong, one rule a line. */
export function faultsOf(offerSdp: string, answerSdp: string): string[] {
  const faults: string[] = [];
  const demand = (condition: boolean, rule: string) => {
    if (!condition) faults.push(rule);
  };
  const [offer, answer] = [read(offerSdp), read(answerSdp)];
  demand(answerSdp.endsWith('\r\n') && !answerSdp.includes('\r\n\r\n'), 'lines end with CRLF');
  demand(/^v=0\r\no=\S+ \d+ \d+ IN IP[46] \S+\r\ns=.+\r\nt=0 0\r\n/.test(answerSdp), 'v o s t');
  for (const line of answerSdp.trimEnd().split('\r\n')) {
    demand(/^[a-z]=[^\0]+$/.test(line), `not a line: ${line}`);
    demand(!/undefined|NaN|null|\[object/.test(line), `not a value: ${line}`);
  }
  demand(offer.sections.length === answer.sections.length, 'as many m-lines as offered');
  const group = bundleOf(answer) ?? [];
  const offeredGroup = bundleOf(offer) ?? [];
  const open = answer.sections.filter(({ port }) => port !== 0).map((one) => value(one, 'mid'));
  demand(
    open.length === 0 || `${group}` === `${open}`,
    `BUNDLE (${group}) has the m-lines that are open (${open})`,
  );
  demand(
    offeredGroup.length === 0 || group.every((mid) => offeredGroup.includes(mid)),
    'BUNDLE has nothing that was not offered in it',
  );
  answer.sections.forEach((section, index) => {
    const offered = offer.sections[index];
    if (!offered) return;
    const at = `m-line ${index}`;
    demand(section.kind === offered.kind, `${at}: kind`);
    demand(section.protocol === offered.protocol, `${at}: protocol`);
    demand(value(section, 'mid') === value(offered, 'mid'), `${at}: mid`);
    demand(section.formats.length > 0, `${at}: has a format`);
    if (section.port === 0) return;
    demand(offered.port !== 0 || has(offered, 'bundle-only'), `${at}: rejected stays rejected`);
    checkTransport(section, offered, offer, at, demand);
    if (section.kind === 'application') {
      demand(Number(value(section, 'sctp-port')) > 0, `${at}: sctp-port`);
      return;
    }
    checkMedia(section, offered, at, demand);
  });
  const transports = answer.sections.filter(({ port }) => port !== 0);
  for (const name of ['ice-ufrag', 'ice-pwd', 'fingerprint', 'setup']) {
    const all = new Set(transports.map((section) => value(section, name)));
    demand(all.size <= 1, `one ${name} in a BUNDLE group`);
  }
  return faults;
}

type Demand = (condition: boolean, rule: string) => void;

function checkTransport(
  section: Section,
  offered: Section,
  offer: Description,
  at: string,
  demand: Demand,
): void {
  demand(/^[\w+/]{4,256}$/.test(value(section, 'ice-ufrag') ?? ''), `${at}: ice-ufrag`);
  demand(/^[\w+/]{22,256}$/.test(value(section, 'ice-pwd') ?? ''), `${at}: ice-pwd`);
  demand(/^sha-256 (\w\w:){31}\w\w$/.test(value(section, 'fingerprint') ?? ''), `${at}: print`);
  const asked = value(offered, 'setup') ?? value({ lines: offer.session }, 'setup') ?? 'actpass';
  demand(
    (SETUPS[asked] ?? []).includes(value(section, 'setup') ?? ''),
    `${at}: setup ${value(section, 'setup')} to ${asked}`,
  );
  for (const candidate of values(section, 'candidate')) {
    demand(/^\S+ 1 (udp|tcp) \d+ \S+ \d+ typ \w+/i.test(candidate), `${at}: ${candidate}`);
  }
}

function checkMedia(section: Section, offered: Section, at: string, demand: Demand): void {
  const direction = directionOf(section);
  demand(
    (ANSWERS[directionOf(offered)] ?? []).includes(direction),
    `${at}: ${direction} to ${directionOf(offered)}`,
  );
  demand(!has(offered, 'rtcp-mux') || has(section, 'rtcp-mux'), `${at}: rtcp-mux`);
  const [map, offeredMap] = [mapOf(section), mapOf(offered)];
  for (const payload of section.formats) {
    demand(offered.formats.includes(payload), `${at}: format ${payload} was not offered`);
    demand(map.get(payload) === offeredMap.get(payload), `${at}: ${payload} is another codec`);
  }
  const media = [...map.values()].filter((name) => !/^(rtx|red|ulpfec)\//.test(name));
  demand(media.length > 0, `${at}: has a codec`);
  for (const text of values(section, 'fmtp')) {
    const apt = /^(\d+) apt=(\d+)/.exec(text);
    demand(!apt || section.formats.includes(apt[2] as string), `${at}: apt of ${text}`);
    demand(section.formats.includes(text.split(' ')[0] as string), `${at}: fmtp of ${text}`);
  }
  const feedback = values(offered, 'rtcp-fb').map((text) => text.toLowerCase());
  for (const text of values(section, 'rtcp-fb')) {
    const any = text.replace(/^\d+/, '*');
    demand(feedback.includes(text) || feedback.includes(any), `${at}: rtcp-fb ${text}`);
  }
  const extensions = values(offered, 'extmap').map((text) => text.replace(/^(\d+)\/\w+/, '$1'));
  for (const text of values(section, 'extmap')) {
    demand(extensions.includes(text), `${at}: extmap ${text}`);
  }
  const sent = values(offered, 'rid').filter((text) => text.endsWith(' send'));
  for (const rid of values(section, 'rid')) {
    demand(sent.includes(rid.replace(' recv', ' send')), `${at}: rid ${rid}`);
  }
  const sends = direction.startsWith('send');
  demand(sends === values(section, 'ssrc').length > 0, `${at}: ssrc only of what is sent`);
  demand(sends === (value(section, 'msid') !== undefined), `${at}: msid only of what is sent`);
}
