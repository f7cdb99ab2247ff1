/** Whether a function takes time in proportion to its input, whatever the machine is busy with. */

/** CPU time of the process in milliseconds: what other processes do to the clock does not count. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

const leastCpuMs = (work: () => unknown, runs: number): number => {
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < runs; run++) {
    const before = cpuMs()
    work()
    least = Math.min(least, cpuMs() - before)
  }
  return least
}

const timesLarger = 8
/** What a linear function may be off by: caches, garbage collection, a timer's grain. Quadratic is off by eight times. */
const tolerance = 5
/** Under this a measurement is noise. */
const grainMs = 3

/**
 * Compares the CPU time of `work` on a text with that on one eight times as long, the least of several runs each.
 * @param textOf a text of about as many characters
 * @throws Error when the longer one takes more than five times its share
 */
export const expectLinear = (work: (text: string) => unknown, textOf: (chars: number) => string, chars = 6_000) => {
  const [short, long] = [textOf(chars), textOf(chars * timesLarger)]
  work(short)
  const shortMs = Math.max(
    grainMs,
    leastCpuMs(() => work(short), 5),
  )
  const longMs = leastCpuMs(() => work(long), 3)
  const limitMs = shortMs * timesLarger * tolerance
  if (longMs > limitMs)
    throw new Error(
      `${timesLarger} times the text took ${longMs.toFixed(1)} ms after ${shortMs.toFixed(1)} ms: more than linear time`,
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
