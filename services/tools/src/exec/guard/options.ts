/** How programs read their arguments. What only running would tell counts as whatever is looked for. */
import { isUnknown } from '../shell/marks.ts'

/** What an argument may turn into when the command runs: an option, for all we know. */
export const mayBeOption = (argument: string): boolean => argument.startsWith('-') || isUnknown(argument.slice(0, 1))

const options = (args: readonly string[]): readonly string[] => {
  const end = args.indexOf('--')
  return end < 0 ? args : args.slice(0, end)
}

/**
 * Whether one of the short options is given, alone or in a cluster.
 * @param withValue letters of options that take the rest of their cluster, or the next argument, as their value
 */
export const hasShort = (args: readonly string[], letters: string, withValue = ''): boolean =>
  options(args).some((argument) => {
    if (isUnknown(argument.slice(0, 2))) return true
    if (!/^-[^-]/.test(argument)) return false
    for (const letter of argument.slice(1)) {
      if (letters.includes(letter) || isUnknown(letter)) return true
      if (withValue.includes(letter)) return false
    }
    return false
  })

/** Whether one of the long options is given, abbreviated or with a value after `=`. */
export const hasLong = (args: readonly string[], names: readonly string[], shortest = 1): boolean =>
  options(args).some((argument) => {
    if (isUnknown(argument.slice(0, 3))) return true
    if (!argument.startsWith('--')) return false
    const name = argument.slice(2).split('=')[0]!.toLowerCase()
    return name.length >= shortest && names.some((wanted) => wanted.startsWith(name) || isUnknown(name))
  })

/** The values of an option: `-Xvalue`, `-X value`, `--long=value`, `--long value`. */
export const valuesOfOption = (args: readonly string[], short: string, long: string): string[] =>
  args.flatMap((argument, at) => {
    if (argument === `-${short}` || argument === `--${long}`) return args[at + 1] ?? []
    if (argument.startsWith(`--${long}=`)) return argument.slice(long.length + 3)
    return argument.startsWith(`-${short}`) && !argument.startsWith('--') ? argument.slice(2) : []
  })

/** What is neither option nor follows one that takes a value. */
export const operands = (args: readonly string[], withValue = ''): string[] => {
  const found: string[] = []
  for (let at = 0; at < args.length; at++) {
    const argument = args[at]!
    if (argument === '--') return [...found, ...args.slice(at + 1)]
    if (!argument.startsWith('-') || argument === '-') found.push(argument)
    else if (/^-[^-]$/.test(argument) && withValue.includes(argument[1]!)) at++
  }
  return found
}
