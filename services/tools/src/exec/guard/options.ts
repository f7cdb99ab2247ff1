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

/** Programs take the beginning of a long option for the whole, as long as it is plain which is meant. */
const leastOfLong = 3

/** Name and value of a long option, the value absent where it would be the next argument. */
export const longOption = (argument: string): { name: string; value: string | undefined } => {
  const end = argument.indexOf('=')
  return end < 0
    ? { name: argument.slice(2), value: undefined }
    : { name: argument.slice(2, end), value: argument.slice(end + 1) }
}

/**
 * What a cluster of short options gives one of `letters`: the rest of it, empty where that is the next argument.
 * @param others letters whose value the rest of the cluster would be
 */
export const valueInCluster = (argument: string, letters: string, others = ''): string | undefined => {
  if (!/^-[^-]/.test(argument)) return undefined
  for (let at = 1; at < argument.length; at++) {
    const letter = argument[at]!
    if (letters.includes(letter)) return argument.slice(at + 1)
    if (others.includes(letter)) return undefined
  }
  return undefined
}

/**
 * The values of an option: `-Xvalue`, `-X value`, `-abXvalue`, `--long=value`, `--long value`, `--lon value`.
 * @param others letters of other options that take a value
 */
export const valuesOfOption = (args: readonly string[], short: string, long: string, others = ''): string[] =>
  args.flatMap((argument, at) => {
    const next = args[at + 1] ?? []
    if (argument.startsWith('--')) {
      const { name, value } = longOption(argument)
      return name.length >= Math.min(leastOfLong, long.length) && long.startsWith(name) ? (value ?? next) : []
    }
    const value = valueInCluster(argument, short, others)
    return value === '' ? next : (value ?? [])
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
