/** Whether a function takes time in proportion to its input, whatever the machine is busy with. */

/** CPU time of the process in milliseconds: what other processes do to the clock does not count. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** CPU time of one run of `work`. */
const cpuMsOfRun = (work: () => unknown): number => {
  const before = cpuMs()
  work()
  return cpuMs() - before
}

const timesLarger = 8
/** What a linear function may be off by: caches, garbage collection, a timer's grain. Quadratic is off by eight times. */
const tolerance = 5
/** Under this a measurement is noise. */
const grainMs = 3

/** Runs of the long text, of which one within the limit is enough: what is quadratic is never quick. */
const tries = 3

/**
 * Compares the CPU time of `work` on a text with that on one eight times as long.
 * @param textOf a text of about as many characters
 * @throws Error when the longer one takes more than five times its share, three times over
 */
export const expectLinear = (work: (text: string) => unknown, textOf: (chars: number) => string, chars = 6_000) => {
  const [short, long] = [textOf(chars), textOf(chars * timesLarger)]
  // The first runs compile it: a slow one would allow for more than is linear.
  const shortMs = Math.max(grainMs, Math.min(...Array.from({ length: 3 }, () => cpuMsOfRun(() => work(short)))))
  const limitMs = shortMs * timesLarger * tolerance
  const longMs: number[] = []
  while (longMs.length < tries) {
    const ms = cpuMsOfRun(() => work(long))
    if (ms <= limitMs) return
    longMs.push(ms)
  }
  throw new Error(
    `${timesLarger} times the text took ${Math.min(...longMs).toFixed(1)} ms after ${shortMs.toFixed(1)} ms: more than linear time`,
  )
}

/** A text of about `chars` characters made of one piece, with something at its end that fits no pattern. */
export const repeated =
  (piece: string, end = '\u0001') =>
  (chars: number): string =>
    piece.repeat(Math.ceil(chars / piece.length)) + end

/** Pieces that patterns over texts begin with, so that a text of them is full of beginnings. */
export const hostilePieces = [
  ...[
    '-',
    '- ',
    '.',
    '/',
    '//',
    ' ',
    '\n',
    '\t',
    '\r\n',
    '=',
    ':',
    '"',
    "'",
    '\\',
    '_',
    '<',
    '>',
    '</',
    '&',
    '&#',
    '#',
  ],
  ...[
    '[',
    ']',
    '[](',
    '![',
    '(',
    '{',
    '`',
    '```\n',
    '*',
    '**',
    '|',
    '~',
    '> ',
    'a',
    'A',
    '0',
    'a.',
    'a@',
    'a:',
    '字',
    '😀',
  ],
  ...[
    'eyJ',
    'eyJ-',
    '.eyJ',
    'eyJaaaaaaaaaa.',
    'sk-',
    'sk-proj-',
    'ghp_',
    'xoxb-',
    'AKIA',
    'Bearer ',
    'token:',
    'token=',
    'KEY',
  ],
  ...[
    'api_key=',
    '"secret":"',
    '-----BEGIN PRIVATE KEY-----',
    'authorization ',
    'authorization: ',
    'https://a',
    'http://a:',
  ],
  ...[
    '<think>',
    '<think',
    '</think>',
    '<final>',
    'NO_REPLY',
    'NO_',
    '<div>',
    '<!--',
    '<pre>',
    '<title',
    '<meta ',
    '<a href="',
  ],
  ...['ignore ', 'ignore previous ', 'you are ', 'act as ', '<system', '<|', 'new instructions ', '---end of '],
]
