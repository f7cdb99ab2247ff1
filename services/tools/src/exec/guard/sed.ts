/** Whether a script of sed starts programs: the command `e`, or the flag of that name. */
import { isUnknown } from '../shell/marks.ts'

const mostSubstitutions = 200

const endOf = (text: string, delimiter: string, from: number): number => {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === delimiter) return at
  }
  return -1
}

/** Flags of every `s` that could stand in a script. */
const flagsIn = (script: string): string[] => {
  const flags: string[] = []
  for (let at = 0, tries = 0; at < script.length; at++) {
    const delimiter = script[at + 1]
    if (script[at] !== 's' || delimiter === undefined || /[\w\s\\]/.test(delimiter)) continue
    if (++tries > mostSubstitutions) return ['e']
    const middle = endOf(script, delimiter, at + 2)
    const end = middle < 0 ? -1 : endOf(script, delimiter, middle + 1)
    if (end < 0) continue
    const found = /^[gpiImMew\d]*/.exec(script.slice(end + 1, end + 40))![0]
    // What follows w is the name of a file.
    flags.push(found.split('w')[0]!)
    at = end
  }
  return flags
}

const runs = (script: string): boolean =>
  isUnknown(script) ||
  /^\/e(?!\w)/.test(script) ||
  // Behind an address, whatever it is written between, and its letters I and M.
  /(?:^|[;{}\n\d$/!,IM%|#@:~+=&^])[ \t]{0,20}e(?:[ \t;}\n]|$)/.test(script) ||
  flagsIn(script).some((flags) => flags.includes('e'))

/** @param args of sed; any of them may be its script */
export const runsWithSed = (args: readonly string[]): boolean =>
  args.some((word) => runs(word.replace(/^(?:-[A-Za-z]*e|--expression=)(?=.)/, '')) && !/^--?[A-Za-z]+$/.test(word))
