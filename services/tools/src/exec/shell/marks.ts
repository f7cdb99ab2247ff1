/** Characters that stand in evaluated words for what is not there as text. Commands that hold them are refused. */

/** Text that only running the command would tell. */
export const unknownText = '\uE000'
/** Where the shell splits an expansion into words. */
export const fieldBreak = '\uE001'
/** A pattern that the shell replaces by names of files: any text. */
export const anyText = '\uE002'
/** Text that we do not know but gave ourselves, such as $HOME: no option, no name of a program. */
export const givenText = '\uE003'

const marks = /[\uE000-\uE003]/g

/** What of it is there as text. */
export const withoutMarks = (text: string): string => text.replace(marks, '')
export const hasMark = (text: string): boolean => withoutMarks(text) !== text
export const isUnknown = (text: string): boolean => text.includes(unknownText)

/** Whether a text with `anyText` and `unknownText` in it could be `wanted`. Quadratic at worst, in texts that are bounded. */
export const couldBe = (text: string, wanted: string): boolean => {
  if (!text.includes(anyText) && !text.includes(unknownText)) return text === wanted
  // reached[i]: the part of `text` read so far can be the first i characters of `wanted`.
  let reached = Array.from({ length: wanted.length + 1 }, (_, at) => at === 0)
  for (const character of text) {
    if (character === anyText || character === unknownText) {
      const first = reached.indexOf(true)
      reached = reached.map((_, at) => first >= 0 && at >= first)
    } else reached = reached.map((_, at) => at > 0 && reached[at - 1]! && wanted[at - 1] === character)
  }
  return reached[wanted.length]!
}
