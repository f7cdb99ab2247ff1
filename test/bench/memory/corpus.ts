/** Texts of any number that are spread as words of real ones are: few words everywhere, most nearly nowhere. */

/** Numbers below 1, the same for the same seed. Mulberry32 (Tommy Ettinger, public domain). */
export const createRandom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const syllables = [
  'ka',
  'lo',
  'mi',
  'ren',
  'tu',
  'sa',
  'vor',
  'ne',
  'pil',
  'dra',
  'go',
  'hem',
  'ist',
  'bu',
  'cor',
  'zan',
]
const wordCount = 30_000
const topicCount = 1_000
const topicWords = 60
/** As many as a question has not: they stand in nearly every text, as stop words do. */
const everywhere = 100

const wordOf = (rank: number): string => {
  let [word, left] = ['', rank + syllables.length]
  for (; left > 0; left = Math.floor(left / syllables.length)) word += syllables[left % syllables.length]!
  return word
}

export interface Corpus {
  /** A text of 60 words, about something. */
  text: () => string
  /** Six words that somebody may ask for: half of them about one thing. */
  question: () => string
}

/** @param seed of what is said; what it is about is the same for all */
export const createCorpus = (seed: number): Corpus => {
  const chance = createRandom(1)
  const words = Array.from({ length: wordCount }, (_, rank) => wordOf(rank))
  const topics = Array.from({ length: topicCount }, () =>
    Array.from({ length: topicWords }, () => words[Math.floor(chance() * wordCount)]!),
  )
  const random = createRandom(seed)
  // Zipf's law with exponent 1: ranks are spread evenly over the logarithm.
  const common = (from: number): string => words[Math.floor(from * (wordCount / from) ** random())]!
  const below = (count: number): number => Math.floor(random() * count)
  const about = (count: number, topic: readonly string[], from: number): string =>
    Array.from({ length: count }, (_, at) => (at % 2 === 0 ? topic[below(topicWords)]! : common(from))).join(' ')
  return {
    text: () => about(60, topics[below(topicCount)]!, 1),
    question: () => about(6, topics[below(topicCount)]!, everywhere),
  }
}
