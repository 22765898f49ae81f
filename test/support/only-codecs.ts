/** Leaves only some codecs in the m-lines of an SDP that media is sent on. */
export function onlyCodecs(sdp: string, names: readonly string[]): string {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  const [head, ...sections] = sdp.split(/^(?=m=)/m);
  return [head, ...sections.map((section) => onlyIn(section, wanted))].join('');
}

function onlyIn(section: string, wanted: ReadonlySet<string>): string {
  if (!/^a=(sendonly|sendrecv)/m.test(section)) return section;
  const known = [...section.matchAll(/^a=rtpmap:(\d+) ([\w.-]+)/gm)];
  const kept = new Set(
    known.filter(([, , name]) => wanted.has((name ?? '').toLowerCase())).map(([, type]) => type),
  );
  if (kept.size === 0) return section;
  for (const [, type, of] of section.matchAll(/^a=fmtp:(\d+) apt=(\d+)/gm)) {
    if (kept.has(of)) kept.add(type);
  }
  return section
    .split('\r\n')
    .filter((line) => {
      const type = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+)/.exec(line)?.[1];
      return type === undefined || kept.has(type);
    })
    .map((line) =>
      line.startsWith('m=')
        ? line
            .split(' ')
            .filter((word, index) => index < 3 || kept.has(word))
            .join(' ')
        : line,
    )
    .join('\r\n');
}
