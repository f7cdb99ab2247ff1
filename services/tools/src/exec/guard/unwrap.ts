/** Programs that start other programs, and what they start. */
import { hasMark, unknownText } from '../shell/marks.ts'
import { readScript, type Invocation, type ReadOptions, type Script } from '../shell/script.ts'
import { isShell, programName } from './programs.ts'

interface Wrapper {
  /** Letters of options that take a value. */
  withValue?: string
  /** Long options that take the next argument as their value. */
  longWithValue?: readonly string[]
  /** How many operands stand before the command. */
  skip?: number
  /** Whether `NAME=value` may stand before it. */
  settings?: boolean
  /** Whether more arguments come from elsewhere. */
  addsArguments?: boolean
}

/** Counts words that are looked at. @throws UnreadableCommand when they are too many */
type Spend = (words: number) => void

const wrappers: Readonly<Record<string, Wrapper>> = {
  env: { withValue: 'uC', longWithValue: ['unset', 'chdir'], settings: true },
  command: {},
  builtin: {},
  exec: { withValue: 'a' },
  nohup: {},
  nice: { withValue: 'n', longWithValue: ['adjustment'] },
  ionice: { withValue: 'cnpPu' },
  time: { withValue: 'fo' },
  timeout: { withValue: 'ks', longWithValue: ['kill-after', 'signal'], skip: 1 },
  stdbuf: { withValue: 'ioe' },
  setsid: {},
  setarch: {},
  chrt: { skip: 1 },
  taskset: { skip: 1 },
  chroot: { skip: 1 },
  flock: { withValue: 'wE', skip: 1 },
  strace: { withValue: 'eopsuaEIOPSXb' },
  ltrace: { withValue: 'eopsuanFlx' },
  unbuffer: {},
  busybox: {},
  toybox: {},
  sudo: { withValue: 'ughpCTr', settings: true },
  doas: { withValue: 'uC' },
  xargs: {
    withValue: 'adEILnPs',
    longWithValue: ['arg-file', 'delimiter', 'max-lines', 'max-args', 'max-procs', 'max-chars'],
    addsArguments: true,
  },
  parallel: { withValue: 'jaN', addsArguments: true },
}

/** What these start follows one of these arguments. */
const following: Readonly<Record<string, readonly string[]>> = {
  find: ['-exec', '-execdir', '-ok', '-okdir'],
  fd: ['-x', '-X', '--exec', '--exec-batch'],
  fdfind: ['-x', '-X', '--exec', '--exec-batch'],
}

/** What a wrapper leaves of its words for the program that it starts; undefined where that cannot be told. */
const behind = (
  args: readonly string[],
  { withValue = '', longWithValue = [], skip = 0, settings }: Wrapper,
): string[] | undefined => {
  let toSkip = skip
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!
    if (word.startsWith(unknownText)) return undefined
    if (word === '--') continue
    if (word.startsWith('--')) {
      if (longWithValue.includes(word.slice(2))) at++
    } else if (/^-./.test(word)) {
      if (word.length === 2 && withValue.includes(word[1]!)) at++
    } else if (settings && /^[A-Za-z_]\w*=/.test(word)) continue
    else if (toSkip > 0) toSkip--
    else return args.slice(at)
  }
  return []
}

/** Texts that a program is given to run as a shell would. Undefined for one that cannot be known. */
const scriptsOf = (name: string, args: readonly string[], spend: Spend): string[] => {
  const after = (test: (argument: string) => boolean): string[] =>
    args.flatMap((argument, at) => (test(argument) ? [args[at + 1] ?? ''] : []))
  if (isShell(name) || name === 'su' || name === 'runuser' || name === 'script' || name === 'flock')
    return after((argument) => (/^[-+][A-Za-z]+$/.test(argument) && argument.includes('c')) || argument === '--command')
  if (name === 'env')
    return args.flatMap((argument, at) => {
      if (argument === '-S' || argument === '--split-string') {
        spend(args.length - at)
        return args.slice(at + 1).join(' ')
      }
      return /^(?:-[0iv]*S|--split-string=)(.+)$/s.exec(argument)?.[1] ?? []
    })
  if (name === 'trap') return args.slice(0, 1)
  if (name === 'watch' || name === 'parallel') return [args.filter((argument) => !argument.startsWith('-')).join(' ')]
  if (name === 'git') return args.flatMap((argument) => /^(?:-c)?alias\.[^=]*=!(.*)$/s.exec(argument)?.[1] ?? [])
  return []
}

/** What a program would start in turn. */
export interface Inner {
  script: Pick<Script, 'invocations' | 'expansions' | 'isForkBomb'>
  /** Whether it starts something that only running would tell. */
  isDynamic: boolean
}

const nothing: Inner['script'] = { invocations: [], expansions: [], isForkBomb: false }

/** Characters of a word, about: what reading a text costs. */
const charactersOfWord = 4

/**
 * What an invocation starts in turn, one layer deep.
 * @throws UnreadableCommand where a text that it is given to run cannot be read
 */
export const innerOf = (invocation: Invocation, options: ReadOptions, depth: number, spend: Spend): Inner[] => {
  const [word, ...args] = invocation.words
  if (word === undefined) return []
  const name = programName(word)
  const found: Inner[] = []
  const start = (words: readonly string[], settings: Invocation['settings'] = []): void => {
    spend(words.length)
    found.push({ script: { ...nothing, invocations: [{ ...invocation, words, settings }] }, isDynamic: false })
  }

  const wrapper = Object.hasOwn(wrappers, name) ? wrappers[name] : undefined
  if (wrapper) {
    const rest = behind(args, wrapper)
    if (rest === undefined) found.push({ script: nothing, isDynamic: true })
    else if (rest.length > 0) {
      const settings = args.slice(0, args.length - rest.length).flatMap((setting) => {
        const [, variable, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(setting) ?? []
        return variable === undefined ? [] : [{ name: variable, value: value ?? '' }]
      })
      start(wrapper.addsArguments ? [...rest, unknownText] : rest, settings)
    }
  }
  if (Object.hasOwn(following, name))
    args.forEach((argument, at) => {
      if (!following[name]!.includes(argument)) return
      const rest = args.slice(at + 1)
      const end = rest.findIndex((next) => next === ';' || next === '+')
      start([...(end < 0 ? rest : rest.slice(0, end))])
    })

  for (const text of scriptsOf(name, args, spend)) {
    spend(text.length / charactersOfWord)
    if (text.includes(unknownText)) found.push({ script: nothing, isDynamic: true })
    else {
      const plain = hasMark(text) ? text.replace(/[\uE000-\uE003]/g, ' ') : text
      found.push({ script: readScript(plain, options, depth), isDynamic: false })
    }
  }
  return found
}
